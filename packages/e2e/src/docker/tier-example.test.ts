// The example of a tier, docker/tier: what docs/tier.md says to do with it, and what happens then.

import { expect, test } from 'vitest';
import { describeUnless } from '../testing/describe-unless.js';
import { ComposeExample, composeProblem } from './compose-example.js';
import { LB_IMAGE, TARGET_IMAGE } from './engine.js';

const BIRD_IMAGE = 'nfqlb-bird:test';
const ETCD_IMAGE = 'nfqlb-etcd:test';

/** How long anything may take: the speaker falls silent, etcd is asked, a health check fails twice. */
const PATIENCE = { timeout: 20_000, interval: 200 };

const numbered = (name: string, count: number, image: string): Record<string, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`${name}${i + 1}`, image]));

describeUnless(composeProblem(), 'the example of a tier, for docker compose', () => {
  test('targets are found in etcd, the router spreads over three load balancers, and what dies is routed around', async () => {
    await using example = new ComposeExample({
      file: 'tier/compose.yaml',
      images: {
        router: BIRD_IMAGE,
        client: TARGET_IMAGE,
        etcd: ETCD_IMAGE,
        register: ETCD_IMAGE,
        ...numbered('lb', 3, BIRD_IMAGE),
        // That of all tests here; compose.test.ts builds one from the sources.
        ...numbered('nfqlb', 3, LB_IMAGE),
        ...numbered('target', 5, TARGET_IMAGE),
      },
      networks: {
        servers: { ipam: { config: [{ subnet: '10.78.0.0/24' }] } },
        clients: { ipam: { config: [{ subnet: '10.79.0.0/24' }] } },
      },
    });
    /** The load balancers in the router's route, by the last octet of their address. */
    const routed = async (): Promise<string[]> => {
      const route = await example.script('router', 'ip route show 10.0.0.1');
      return [...route.matchAll(/via 10\.78\.0\.1(\d)/g)].map(([, number]) => number!).sort();
    };
    /** Who answers 40 connections of the client; fails if one is not answered. */
    const answering = async (): Promise<string[]> => {
      const text = await example.script('client', 'for i in $(seq 40); do curl -sS --max-time 3 http://10.0.0.1/; done');
      return [...new Set(text.trimEnd().split('\n'))].sort();
    };
    const all = ['target1', 'target2', 'target3', 'target4', 'target5'];

    await example.compose('build', 'router', 'etcd');
    await example.compose('up', '--detach');
    await expect.poll(routed, PATIENCE).toEqual(['1', '2', '3']);
    await expect.poll(answering, PATIENCE).toEqual(all);

    // As in the table of docs/tier.md.
    await example.script('nfqlb1', 'nfqlb announce drain');
    await expect.poll(routed, PATIENCE).toEqual(['2', '3']);
    expect(await answering()).toEqual(all);
    await example.script('nfqlb1', 'nfqlb announce resume');
    await example.compose('kill', 'nfqlb2');
    await expect.poll(routed, PATIENCE).toEqual(['1', '3']);
    expect(await answering()).toEqual(all);
    await example.script('etcd', 'etcdctl del /nfqlb/web/target4');
    await expect.poll(answering, PATIENCE).toEqual(all.filter((name) => name !== 'target4'));
    await example.compose('kill', 'target5');
    await expect.poll(answering, PATIENCE).toEqual(['target1', 'target2', 'target3']);
    await example.compose('up', '--detach', 'nfqlb2');
    await expect.poll(routed, PATIENCE).toEqual(['1', '2', '3']);
    expect(await answering()).toEqual(['target1', 'target2', 'target3']);
  }, 120_000);
});

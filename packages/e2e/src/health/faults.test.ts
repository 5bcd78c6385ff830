// Faults of targets, found by health checks: what becomes of the table, how long packets still go there, and whose connections break.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import type { Target } from '../topology/host.js';
import { Questions } from '../traffic/questions.js';
import { CheckedSite } from './checked-site.js';
import { LastPacket } from './last-packet.js';
import { WEB_SERVERS } from './web-server.js';

const CONNECTIONS = 200;
/** They talk until they are stopped. */
const TALK = { protocol: 'tcp', connections: CONNECTIONS, repeat: 0, interval: 5, timeout: 3000 } as const;
/** To the VIP, so that a target without it is found out, too. */
const HEALTH = { type: 'http', to: 'vip', interval: 0.5, timeout: 0.4, rise: 2, fall: 2, damping: { downs: 3, within: 300, hold: 2 } };
/** A check that fails begins up to an interval after the fault, and takes its timeout; then the next. */
const DETECTION_MS = 2 * 500 * 1.1 + 400;

interface Fault {
  readonly reason: string;
  readonly begin: (site: CheckedSite, target: Target) => Promise<unknown>;
  readonly end: (site: CheckedSite, target: Target) => Promise<unknown>;
}

const server = (site: CheckedSite, target: Target) => site.servers[target.number - 1]!;
const drop = (what: string) => (_: CheckedSite, target: Target) =>
  target.iptables(4, `${what} INPUT -i ${target.wire('lb1').own.device} -j DROP`);
const vip = (what: string) => (_: CheckedSite, target: Target) =>
  target.ip(`address ${what} 10.0.0.1/32 dev ${target.wire('client').own.device}`);

const FAULTS: Readonly<Record<string, Fault>> = {
  'its server is killed': {
    reason: 'connection refused',
    begin: (site, target) => server(site, target).kill(),
    end: (site, target) => server(site, target).restart(),
  },
  'it is dead': { reason: 'no answer within 0.4 s', begin: drop('-I'), end: drop('-D') },
  'its server is slow': {
    reason: 'no answer within 0.4 s',
    begin: async (site, target) => server(site, target).pause(),
    end: async (site, target) => server(site, target).resume(),
  },
  'it has no VIP': { reason: 'no answer within 0.4 s', begin: vip('del'), end: vip('add') },
};

describeLive(
  'with health checks of nginx and HAProxy',
  () => {
    let site: CheckedSite;
    beforeAll(async () => {
      site = await CheckedSite.start(HEALTH);
    });
    afterAll(() => site[Symbol.asyncDispose]());

    const everything = (): number[] => site.net.targets.map(({ fwmark }) => fwmark);

    test.each(Object.entries(FAULTS).map(([name, fault], i) => [name, fault, i + 1] as const))(
      'a target: %s',
      async (name, fault, number) => {
        const { net, keeper } = site;
        const target = net.target(number);
        const { fwmark } = target;
        const before = await site.buckets();
        await using last = await LastPacket.watch(net, target);
        await using questions = await Questions.start(net, TALK);
        await expect.poll(async () => (await connectionsOf(net.client)).length, { timeout: 10_000 }).toBe(CONNECTIONS);
        const there = (await connectionsOf(target)).length;
        expect(there).toBeGreaterThan(10);

        const faultAt = Date.now();
        await fault.begin(site, target);
        await expect.poll(site.active.bind(site), { timeout: 10_000 }).toEqual(everything().filter((other) => other !== fwmark));
        expect(keeper.states[fwmark]).toBe(`down: 10.0.0.1: ${fault.reason}`);
        // The others keep their buckets.
        const without = await site.buckets();
        const moved = before.filter((mark, i) => mark !== fwmark && mark !== without[i]).length;
        await sleep(300);
        const lastMs = last.at! - faultAt;

        await fault.end(site, target);
        await expect.poll(site.active.bind(site), { timeout: 10_000 }).toEqual(everything());
        expect(keeper.states[fwmark]).toBe('up');
        // It has its own buckets again.
        expect(await site.buckets()).toEqual(before);
        await sleep(300);
        const answers = await questions.stop();
        const others = Math.max(0, answers.broken + answers.moved - there);
        console.log(
          `${name}: last packet after ${(lastMs / 1000).toFixed(2)} s; ${there} connections lost; of other targets: ${others}; buckets of others moved: ${moved}`,
        );
        expect(others).toBe(0);
        // Goal: the time that the checks need, and what a busy machine adds.
        expect(lastMs).toBeLessThan(DETECTION_MS + 2000);
      },
    );

    test('a target that goes up and down is held down for a while', async () => {
      const { keeper, net } = site;
      const { fwmark } = net.target(4);
      const states = (): string[] =>
        keeper.events.flatMap((event) => (event.event === 'state' && event.fwmark === fwmark ? [event.state] : []));
      const known = states().length;
      // One of its three times within five minutes was in the test before.
      for (let i = 0; i < 2; i++) {
        await server(site, net.target(4)).kill();
        await expect.poll(site.active.bind(site), { timeout: 10_000 }).not.toContain(fwmark);
        await server(site, net.target(4)).restart();
        await expect.poll(site.active.bind(site), { timeout: 10_000 }).toContain(fwmark);
      }
      expect(states().slice(known)).toEqual(['down', 'up', 'down', 'damped', 'up']);
      const changes = keeper.events.filter((event) => event.event === 'change');
      console.log(`flapping: ${changes.length} changes of the table for ${states().length} of this target's states`);
    });

    test('all targets down: all are used', async () => {
      const { keeper, net, servers } = site;
      await using questions = await Questions.start(net, TALK);
      await expect.poll(async () => (await connectionsOf(net.client)).length, { timeout: 10_000 }).toBe(CONNECTIONS);
      const known = keeper.events.length;
      for (const each of servers) each.pause();
      await expect
        .poll(() => Object.values(keeper.states), { timeout: 10_000 })
        .toEqual(servers.map(() => 'down: 10.0.0.1: no answer within 0.4 s'));
      await expect.poll(site.active.bind(site)).toEqual(everything());
      const changes = keeper.events.slice(known).filter((event) => event.event === 'change');
      for (const each of servers) each.resume();
      await expect.poll(() => Object.values(keeper.states), { timeout: 15_000 }).toEqual(servers.map(() => 'up'));
      expect(await site.active()).toEqual(everything());
      const { broken, moved, answered } = await questions.stop();
      console.log(`all down: ${changes.length} changes until all were used; ${answered} answers, ${broken + moved} connections lost`);
    });
  },
  undefined,
  WEB_SERVERS,
);

/** Established connections of echo servers or their clients. */
async function connectionsOf(host: { run(command: readonly string[]): Promise<string> }): Promise<string[]> {
  const lines = await host.run(['ss', '-Htn', 'state', 'established', '( sport = :7 or dport = :7 )']);
  return lines.split('\n').filter((line) => line !== '');
}

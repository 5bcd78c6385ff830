// Targets in Kubernetes, from a server that lists and watches as the API's documentation says.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiServer } from './api-server.js';
import { Authority } from './authority.js';
import { Follower } from './follower.js';

const SOON = { timeout: 20_000, interval: 20 };
const READY = { ready: true, serving: true, terminating: false };
const ENDING = { ready: false, serving: true, terminating: true };
const ENDED = { ready: false, serving: false, terminating: true };
const FAILING = { ready: false, serving: false, terminating: false };

const pod = (name: string): object => ({ kind: 'Pod', namespace: 'default', name, uid: `uid-${name}` });
const endpoint = (address: string, name: string, conditions: object = READY): object => ({
  addresses: [address],
  conditions,
  targetRef: pod(name),
  nodeName: 'n1',
});
const entry = (name: string, addresses: readonly string[], drain = false): object => ({ name, addresses, weight: 1, drain });

describe('EndpointSlices of a Service', () => {
  let authority: Authority;
  let server: ApiServer;
  let folder: string;
  let kubeconfig: string;
  beforeAll(async () => {
    authority = new Authority();
    await authority.renew();
    await authority.issue('server', 'subjectAltName=IP:127.0.0.1');
    server = await ApiServer.start(authority.text('server.pem'), authority.text('server.key'));
    folder = mkdtempSync(join(tmpdir(), 'nfqlb-kubernetes-'));
    kubeconfig = join(folder, 'config');
    configure({ token: 'secret' });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    authority[Symbol.dispose]();
    rmSync(folder, { recursive: true });
  });

  function configure(user: object, cluster: object = {}): void {
    const file = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'c', user: 'u' } }],
      clusters: [
        {
          name: 'c',
          cluster: { server: `https://127.0.0.1:${server.port}`, 'certificate-authority': authority.file('ca.pem'), ...cluster },
        },
      ],
      users: [{ name: 'u', user }],
    };
    writeFileSync(kubeconfig, JSON.stringify(file));
  }

  const follow = (): Follower => new Follower({ kind: 'kubernetes', namespace: 'default', service: 'web', kubeconfig });

  test('conditions, both families, slices that come, change and go', async () => {
    server.part = 2;
    server.set('web-a', 'IPv4', [
      endpoint('10.0.0.1', 'one'),
      endpoint('10.0.0.2', 'two', ENDING),
      endpoint('10.0.0.3', 'three', ENDED),
      endpoint('10.0.0.4', 'four', FAILING),
      // Nothing is known: ready.
      { addresses: ['10.0.0.5'], conditions: {} },
    ]);
    server.set('web-b', 'IPv6', [endpoint('fd00:0::1', 'one'), endpoint('fd00::2', 'two', ENDING)]);
    server.set('web-c', 'FQDN', [{ addresses: ['web.example.org'] }]);
    await using follower = follow();
    await expect
      .poll(() => follower.answer, SOON)
      .toEqual({
        entries: [
          entry('Pod default/one', ['10.0.0.1', 'fd00::1']),
          entry('Pod default/two', ['10.0.0.2', 'fd00::2'], true),
          entry('10.0.0.5', ['10.0.0.5']),
        ],
        problems: ['EndpointSlice web-c: addressType FQDN: must be IPv4 or IPv6'],
      });
    server.delete('web-c');
    server.set('web-a', 'IPv4', [endpoint('10.0.0.1', 'one', ENDING)]);
    server.set('web-b', 'IPv6', [endpoint('fd00::1', 'one', ENDING)]);
    await expect
      .poll(() => follower.answer, SOON)
      .toEqual({ entries: [entry('Pod default/one', ['10.0.0.1', 'fd00::1'], true)], problems: [] });
    // While an endpoint moves to another slice, both have it.
    server.set('web-d', 'IPv4', [endpoint('10.0.0.1', 'one')]);
    await expect.poll(() => follower.answer!.entries, SOON).toEqual([entry('Pod default/one', ['10.0.0.1', 'fd00::1'])]);
    server.set('web-d', 'IPv4', [{ addresses: ['nonsense'] }, { addresses: [] }, null, endpoint('10.0.0.9', 'nine')]);
    await expect
      .poll(() => follower.answer!.problems, SOON)
      .toEqual(['nonsense: address: must be an address such as 192.168.1.1 or 2001:db8::1']);
    expect(follower.addresses).toEqual(['10.0.0.1', '10.0.0.9', 'fd00::1']);
    expect(follower.failures).toEqual([]);
    for (const name of ['web-a', 'web-b', 'web-d']) server.delete(name);
    await expect.poll(() => follower.addresses, SOON).toEqual([]);
  });

  test('watches that end go on where they were; a version that is too old means to list again', async () => {
    server.set('web-a', 'IPv4', [endpoint('10.0.0.1', 'one')]);
    await using follower = follow();
    await expect.poll(() => follower.addresses, SOON).toEqual(['10.0.0.1']);
    const lists = (): number => server.requests.filter((query) => !query.has('watch')).length;
    const before = lists();
    // By a bookmark, the watch can go on although what it has seen is forgotten.
    server.pass(10);
    server.bookmark();
    await expect.poll(() => server.requests.at(-1)!.has('watch'), SOON).toBe(true);
    server.compact();
    server.endWatches();
    server.set('web-a', 'IPv4', [endpoint('10.0.0.2', 'two')]);
    await expect.poll(() => follower.addresses, SOON).toEqual(['10.0.0.2']);
    expect(lists()).toBe(before);

    server.endWatches();
    server.set('web-b', 'IPv4', [endpoint('10.0.0.3', 'three')]);
    server.delete('web-a');
    server.compact();
    await expect.poll(() => follower.addresses, SOON).toEqual(['10.0.0.3']);
    expect(lists()).toBe(before + 1);
    expect(follower.failures).toEqual([]);
  });

  test('a server that is gone, a token that is replaced, and access that is refused', async () => {
    writeFileSync(join(folder, 'token'), 'secret\n');
    configure({ tokenFile: 'token' });
    await using follower = follow();
    await expect.poll(() => follower.addresses, SOON).toEqual(['10.0.0.3']);
    server.token = 'replaced';
    server.endWatches();
    await expect.poll(() => follower.failure, SOON).toBe(`https://127.0.0.1:${server.port}: Unauthorized (401)`);
    expect(follower.addresses).toEqual(['10.0.0.3']);
    writeFileSync(join(folder, 'token'), 'replaced\n');
    await expect.poll(() => follower.failure, SOON).toBeUndefined();

    const { port } = server;
    await server[Symbol.asyncDispose]();
    await expect.poll(() => follower.failure, SOON).toBe(`https://127.0.0.1:${port}: connection refused`);
    expect(follower.addresses).toEqual(['10.0.0.3']);
    await authority.renew();
    await authority.issue('server', 'subjectAltName=IP:127.0.0.1');
    server = await ApiServer.start(authority.text('server.pem'), authority.text('server.key'), port);
    server.token = 'replaced';
    server.pass(1000);
    server.compact();
    server.set('web-z', 'IPv4', [endpoint('10.0.0.7', 'seven')]);
    await expect.poll(() => follower.addresses, SOON).toEqual(['10.0.0.7']);
    await expect.poll(() => follower.failure, SOON).toBeUndefined();
  });

  test.each([
    [
      { exec: { command: 'aws' } },
      {},
      'exec and auth-provider are not supported: make a token for a service account (kubectl create token)',
    ],
    [{}, { 'insecure-skip-tls-verify': true }, 'insecure-skip-tls-verify is not supported: certificate-authority must be given'],
    [{}, { server: 'nowhere' }, 'the cluster has no server'],
  ])('a kubeconfig with %j %j', async (user, cluster, problem) => {
    configure(user, cluster);
    await using follower = follow();
    await expect.poll(() => follower.failure, SOON).toBe(`${kubeconfig}: ${problem}`);
  });

  test('outside of a pod, without a kubeconfig', async () => {
    await using follower = new Follower({ kind: 'kubernetes', namespace: 'default', service: 'web' });
    await expect.poll(() => follower.failure, SOON).toBe('this is not a pod (no KUBERNETES_SERVICE_HOST): kubeconfig must be given');
  });
});

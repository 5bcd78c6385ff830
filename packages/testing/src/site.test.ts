import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { connections, generated, packet, site } from './index.js';

const ONE = { tables: { web: { targets: { 101: 1, 102: 1 } } } };
const message = (act: () => unknown): Promise<string> =>
  (async () => act())().then(
    () => 'none',
    (error: Error) => error.message,
  );

test('a table alone gets all packets; a file, its URL and an object are the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'nfqlb-site-'));
  try {
    const file = join(folder, 'nfqlb.yaml');
    writeFileSync(file, JSON.stringify(ONE));
    const sites = await Promise.all([ONE, file, new URL(`file://${file}`)].map((source) => site(source)));
    const sent = await Promise.all(sites.map((each) => each.send(connections(50, { to: '10.0.0.1:80' }))));
    expect(new Set(sent[0]!.targets)).toEqual(new Set(['web-1', 'web-2']));
    for (const { targets } of sent) expect(targets).toEqual(sent[0]!.targets);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('targets have names by place in their table, also those in maintenance, and one in two tables has both', async () => {
  const vips = { mode: 'dsr', vips: '10.0.0.1/32' };
  const edge = await site({
    tables: {
      web: {
        ...vips,
        targets: [
          { fwmark: 9, address: '192.168.1.9', drain: true },
          { fwmark: 4, address: '192.168.1.4', weight: 3 },
        ],
      },
      dns: { ...vips, targets: [{ fwmark: 4, address: '192.168.1.4' }] },
    },
    flows: [
      { name: 'dns', target: 'dns', protocols: 'udp' },
      { name: 'web', target: 'web', protocols: 'tcp' },
    ],
  });
  expect(edge.targets.map(({ name, fwmark }) => [name, fwmark])).toEqual([
    ['web-1', 9],
    ['web-2', 4],
  ]);
  const web = connections(20, { to: '10.0.0.1:80' });
  expect(await edge.send(web)).toReach('192.168.1.4');
  const dns = await edge.send(connections(20, { to: '10.0.0.1:53', protocol: 'udp' }));
  expect(dns).toReach('dns-1');
  await edge.recover('web-1');
  expect((await edge.send(connections(100, { to: '10.0.0.1:80' }))).targets).toContain('web-1');
  // It is lost in both tables.
  await edge.lose('web-2');
  expect(await edge.send(dns.all.map(({ bytes }) => bytes))).toReachNoTarget();
});

test('events happen in the middle of traffic, before a packet of the same time', async () => {
  const edge = await site(ONE);
  const bytes = packet().ipv4('10.0.0.9', '10.0.0.1').udp(1, 80).build();
  const [first] = (await edge.send(bytes)).targets;
  const other = first === 'web-1' ? 'web-2' : 'web-1';
  const traffic = [0, 1, 2, 3].map((time) => ({ bytes, time }));
  const { targets } = await edge.send(traffic, { at: { 2: () => edge.lose(first!), 2.5: () => edge.recover(first!) } });
  expect(targets).toEqual([first, first, other, first]);
  expect(await message(() => edge.send(traffic, { at: { 4: () => edge.lose('web-1') } }))).toBe(
    'send: at 4: must be a time from 0 to 3 s, when the last packet is sent',
  );
});

test('options of the file that decide about packets count; others do not matter', async () => {
  const all = { nolb_fwmark: 102, hash_mode: 0, queue: '0:3', metrics: '127.0.0.1:9' };
  const flows = [{ name: 'a', target: 'web', dports: 80 }];
  const edge = await site({ ...ONE, flows, options: all });
  expect(await edge.send(connections(20, { to: '10.0.0.1:81' }))).toReach(102);
  const sctp = (from: string) => edge.send(connections(30, { to: '10.0.0.1:80', protocol: 'sctp', from }));
  const paths = [await sctp('10.1.0.1'), await sctp('10.2.0.1')];
  expect(paths[0]!.targets).not.toEqual(paths[1]!.targets);
});

test('without tun, as in nfqlb, fragments before their first are dropped', async () => {
  const part = (offset: number, more: boolean) => packet().ipv4('10.0.0.9', '10.0.0.1').fragment({ id: 7, offset, more });
  const reversed = [part(8, false).protocol(17).payload(8), part(0, true).udp(1, 2).payload(0)];
  const without = await (await site(ONE)).send(reversed);
  // One of its fragments is lost, so the others are of no use.
  expect(without).toReachNoTarget();
  const stored = await site({ ...ONE, options: { tun: 'nfqlb0' } });
  const first = await stored.send(reversed[0]!);
  expect(first).toReachNoTarget();
  const second = await stored.send(reversed[1]!);
  // It was waiting, and has arrived meanwhile.
  expect(first.targets).toEqual(second.targets);
});

test('a tier: each connection has its load balancer; one that comes back has the present targets', async () => {
  const edge = await site(ONE, { loadBalancers: 3 });
  const clients = connections(300, { to: '10.0.0.1:80' });
  const before = await edge.send(clients);
  expect(new Set(before.all.map(({ loadBalancer }) => loadBalancer))).toEqual(new Set([1, 2, 3]));
  await edge.loseLoadBalancer(1);
  const after = await edge.send(clients);
  expect(new Set(after.all.map(({ loadBalancer }) => loadBalancer))).toEqual(new Set([2, 3]));
  await edge.lose('web-1');
  await edge.addLoadBalancer(1);
  expect(await edge.send(clients)).toReach('web-2');
});

test('the same test gives the same result', async () => {
  const run = async () => {
    const edge = await site(ONE, { loadBalancers: 2 });
    const sent = await edge.send(generated({ packets: 500, seed: 3, fragments: 50 }), { at: { 0.001: () => edge.lose('web-1') } });
    return sent.all.map(({ target, loadBalancer, explanation }) => [target?.name, loadBalancer, explanation]);
  };
  expect(await run()).toEqual(await run());
});

test('mistakes are said in a line', async () => {
  const edge = await site(ONE);
  const cases: readonly (readonly [() => unknown, string])[] = [
    [
      () => site({ tables: { web: { targets: { 0: 1 } } } }),
      'the configuration:5:5: fwmark 0: must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
    ],
    [() => site('missing.yaml'), 'missing.yaml: no such file or directory'],
    [() => site({ tables: { a: {}, b: {} } }), 'the configuration: 2 tables and no flows: flows must say which packets go by which table'],
    [() => site({}), 'the configuration: declares no tables'],
    [() => site(ONE, { loadBalancers: 0 }), 'loadBalancers: 0: must be a whole number from 1 to 32'],
    [() => edge.lose('web-3'), 'there is no target web-3; there are web-1, web-2'],
    [() => edge.loseLoadBalancer(1), 'load balancer 1 is the last one; a site needs one'],
    [() => edge.loseLoadBalancer(2), 'there is no load balancer 2; there are 1'],
    [() => edge.addLoadBalancer(2), 'addLoadBalancer: the site began with one load balancer; site(…, { loadBalancers: 2 }) makes a tier'],
    [() => edge.send('x' as never), 'send: must be packets: octets, or packet().ipv4(…).udp(…), or traffic made of them'],
    [
      () => edge.apply({ tables: { web: { M: 97 } } }),
      'apply: the tables must be the same: web: M=997, N=32, permutation fwmark, hash djb2. Make another site for web: M=97, N=32, permutation fwmark, hash djb2',
    ],
    [() => edge.apply({ ...ONE, options: { hash_mode: 0 } }), 'apply: options must be the same: they are of the running program'],
    [() => connections(0, { to: '10.0.0.1:80' }), 'connections: 0: must be a whole number from 1 to 65000'],
    [
      () => connections(1, { to: '10.0.0.1' }),
      'connections: to "10.0.0.1": must be an address and a port, such as 10.0.0.1:80 or [1000::1]:80',
    ],
    [() => connections(1, { to: '[::1]:80', from: '10.0.0.1' }), 'connections: from "10.0.0.1": must be an IPv6 address, as [::1]:80 is'],
    [() => [...generated({ packets: 2 })], 'generated: packets 2: must be at least 3'],
  ];
  for (const [act, said] of cases) expect(await message(act)).toBe(said);
  vi.stubEnv('NFQLB_WORLD', 'real');
  try {
    expect(await message(() => site(ONE))).toBe('NFQLB_WORLD=real: must be one of simulated, live');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('another configuration: targets, flows and drains change; a target stays the same one by its fwmark', async () => {
  const edge = await site({ ...ONE, flows: [{ name: 'all', target: 'web' }] });
  const clients = connections(200, { to: '10.0.0.1:80' });
  await edge.send(clients);
  await edge.apply({ tables: { web: { drain: 60, targets: { 102: 1, 103: 1 } } }, flows: [{ name: 'all', target: 'web' }] });
  expect(await edge.send(clients)).toKeepTheirTarget();
  expect(edge.targets.map(({ name, fwmark }) => [name, fwmark])).toEqual([
    ['web-1', 102],
    ['web-2', 103],
  ]);
  await edge.apply({ tables: { web: { drain: 60, targets: { 102: 1, 103: 1 } } }, flows: [{ name: 'other', target: 'web', dports: 81 }] });
  expect(await edge.send(clients)).toReachNoTarget();
});

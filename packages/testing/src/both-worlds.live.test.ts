// The same tests, simulated and live: each packet must reach the same target.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapWriter } from '@nfqlb/captures';
import { fragments, packet } from '@nfqlb/core/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { capture, connections, type Deliveries, generated, type Site, site, type Traffic } from './index.js';
import { describeLive } from './testing/describe-live.js';
import { WORLDS, type WorldName } from './world-name.js';

/** By world: for each `send` of the examples, in order, where its packets went. */
const answers: Record<WorldName, (readonly (string | undefined)[])[]> = { simulated: [], live: [] };

vi.mock('@nfqlb/testing', async (original) => {
  const testing = await original<typeof import('./index.js')>();
  return {
    ...testing,
    site: async (...args: Parameters<typeof site>) => {
      const made = await testing.site(...args);
      const send = made.send.bind(made);
      made.send = async (...sent) => {
        const deliveries = await send(...sent);
        answers[made.world].push(deliveries.targets);
        return deliveries;
      };
      return made;
    },
  };
});

describeLive('examples', async () => {
  for (const world of WORLDS) {
    // Each import with another query is another module, whose tests are collected again.
    await describe(world, async () => {
      beforeAll(() => vi.stubEnv('NFQLB_WORLD', world));
      afterAll(() => vi.unstubAllEnvs());
      for (const name of ['removed-targets', 'dns-and-web', 'lost-load-balancer']) {
        await import(/* @vite-ignore */ `${new URL('../examples', import.meta.url).pathname}/${name}.test.ts?${world}`);
      }
    });
  }

  test('give the same answers in both worlds, packet by packet', () => {
    expect(answers.live.map((targets) => targets.length)).toEqual([
      2000, 2000, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 1000, 1000,
    ]);
    expect(answers.live).toEqual(answers.simulated);
  });
});

const VIP = '192.0.2.1';
const targets = (first: number, count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [first + i, 1 + (i % 2)]));
const TWO_TABLES = {
  tables: { web: { M: 997, drain: 600, targets: targets(101, 8) }, rest: { M: 101, targets: targets(201, 3) } },
  flows: [
    { name: 'web', target: 'web', priority: 10, protocols: ['tcp', 'sctp'] },
    { name: 'rest', target: 'rest' },
  ],
  // Nothing expires during a test, however slow the machine is: in a simulation no time passes between two steps.
  options: { tun: 'nfqlb0', ft_ttl: 600_000, ft_size: 997, 'drain-udp': 'former', queue: '0:3', metrics: '127.0.0.1:9' },
};

/** What a scenario sends, in both worlds. */
async function inBoth(
  scenario: (site: Site) => Promise<readonly Deliveries[]>,
  loadBalancers = 1,
  configuration: object = TWO_TABLES,
): Promise<void> {
  const [simulated, live] = await Promise.all(
    WORLDS.map(async (world) => {
      await using both = await site(configuration, { world, loadBalancers });
      return (await scenario(both)).map(({ targets: reached, all }) => reached.map((target, i) => [target, all[i]!.loadBalancer]));
    }),
  );
  expect(simulated!.flat().filter(([target]) => target !== undefined).length).toBeGreaterThan(100);
  expect(live).toEqual(simulated);
}

const datagram = (port: number, six: boolean): Uint8Array =>
  (six ? packet().ipv6('2001:db8::9', '2001:db8:ffff::1:0') : packet().ipv4('198.18.0.9', VIP)).udp(port, 53).payload(3000).build();

describeLive('each packet reaches the same target in both worlds', () => {
  const mixed: Traffic = [
    ...generated({ packets: 3000, flows: 100, fragments: 50, errors: 5, multihoming: 50, attack: 10, attacks: { udp: 1, syn: 1 } }),
  ];

  test('of generated traffic, while targets die, come back, drain and weigh more', { timeout: 60_000 }, () =>
    inBoth(async (both) => {
      const first = await both.send(mixed);
      await both.drain('web-2');
      const second = await both.send(mixed);
      await both.lose('web-4', 'rest-1');
      await both.weigh({ 'web-5': 5 });
      const third = await both.send(mixed, { at: { 0.01: () => both.recover('web-4'), 0.02: () => both.lose('web-2') } });
      return [first, second, third];
    }),
  );

  test('of a tier that loses a load balancer and gets another', { timeout: 60_000 }, () =>
    inBoth(async (both) => {
      const first = await both.send(mixed);
      await both.loseLoadBalancer(1);
      const second = await both.send(mixed);
      await both.addLoadBalancer(4);
      return [first, second, await both.send(mixed)];
    }, 3),
  );

  test('of fragments that come in reverse', { timeout: 60_000 }, () =>
    inBoth(async (both) => {
      const reversed = Array.from({ length: 60 }, (_, i) => fragments(datagram(1024 + i, i % 2 === 1), 1300, i + 1).reverse()).flat();
      const all = await both.send(reversed);
      expect(all).toReach('rest');
      return [all];
    }, 2),
  );

  test('of another configuration, with other targets and flows', { timeout: 60_000 }, () =>
    inBoth(async (both) => {
      const clients = connections(500, { to: `${VIP}:80` });
      const before = await both.send(clients);
      await both.apply({
        ...TWO_TABLES,
        tables: { ...TWO_TABLES.tables, web: { M: 997, drain: 0, targets: targets(107, 8) } },
        flows: [...TWO_TABLES.flows, { name: 'some', target: 'rest', priority: 20, srcs: '198.18.1.0/24' }],
      });
      const after = await both.send(clients);
      expect(after.targets).toContain('web-8');
      expect(after.targets).toContain('rest-2');
      return [before, after];
    }),
  );

  test('of a capture, at its own times, with a keyed hash', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-worlds-'));
    try {
      const file = join(folder, 'capture.pcap');
      const octets: Uint8Array[] = [];
      const writer = new PcapWriter((bytes) => octets.push(bytes.slice()));
      for (let i = 0; i < 200; i++) {
        writer.packet(
          packet()
            .ipv4(`198.18.0.${i % 100}`, VIP)
            .tcp(5000, 80, { flags: i < 100 ? 0x02 : 0x10 })
            .build(),
          0,
          i * 5_000_000,
        );
      }
      writer.flush();
      writeFileSync(file, Buffer.concat(octets));
      const key = join(folder, 'key');
      writeFileSync(key, '0123456789abcdef');
      const { web, rest } = TWO_TABLES.tables;
      const keyed = { ...TWO_TABLES, tables: { web: { ...web, hash: `siphash:${key}` }, rest } };
      await inBoth(
        async (both) => {
          const before = performance.now();
          const all = await both.send(capture(file), { at: { 0.5: () => both.lose('web-1') } });
          if (both.world === 'live') expect(performance.now() - before).toBeGreaterThan(990);
          expect(all).toKeepTheirTarget({ except: 'removed' });
          return [all];
        },
        1,
        keyed,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

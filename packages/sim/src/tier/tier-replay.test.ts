import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openCapture } from '@nfqlb/captures/file';
import { pcap } from '@nfqlb/captures/testing';
import { ETH_P_IP, type PermutationKind } from '@nfqlb/core';
import { packet } from '@nfqlb/core/packet-builder';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mulberry32 } from '../mulberry32.js';
import { scheduledChange } from '../replay/scheduled-change.js';
import { CAUSES, type Subject } from './kept-targets.js';
import type { Order } from './member.js';
import { ecmp } from './spray.js';
import { replayTier, type TierEvent, type TierOptions, type TierResult } from './tier-replay.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-tier-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Sent {
  readonly bytes: Uint8Array;
  /** In seconds. */
  readonly time: number;
}

const client = (i: number): string => `10.0.${i >> 8}.${i & 255}`;
const VIP = '192.0.2.1';
const data = (i: number, flags = 0x10): Uint8Array => packet().ipv4(client(i), VIP).tcp(1024, 80, { flags }).build();
const error = (i: number): Uint8Array =>
  packet()
    .ipv4('203.0.113.9', VIP)
    .icmpError(3, 4, packet().ipv4(VIP, client(i)).tcp(80, 1024).build())
    .build();
/** A datagram of three fragments. */
const train = (i: number): [Uint8Array, Uint8Array, Uint8Array] => [
  packet().ipv4(client(i), VIP).fragment({ id: i, offset: 0, more: true }).udp(5000, 53).payload(24).build(),
  packet().ipv4(client(i), VIP).fragment({ id: i, offset: 32, more: true }).protocol(17).payload(32).build(),
  packet().ipv4(client(i), VIP).fragment({ id: i, offset: 64, more: false }).protocol(17).payload(8).build(),
];

async function tier(
  sent: readonly Sent[],
  options: Partial<Omit<TierOptions, 'balancer'>> & { permutation?: PermutationKind; drain?: number } = {},
): Promise<TierResult> {
  const path = join(folder, 'capture.pcap');
  const records = sent.map(({ bytes, time }) => ({ bytes, seconds: Math.floor(time), nanoseconds: Math.round((time % 1) * 1e6) * 1000 }));
  writeFileSync(path, pcap(records));
  const capture = await openCapture(path);
  const { permutation = 'fwmark', drain = 0, ...rest } = options;
  const size = { M: 997, N: 32, permutation };
  const targets = [101, 102, 103, 104, 105, 106].map((fwmark) => ({ fwmark }));
  try {
    return await replayTier({
      packets: capture,
      balancer: {
        tables: new Map([['nfqlb', { ...size, drain, targets }]]),
        choice: 'nfqlb',
        fragments: { size: 500, buckets: 500, fragments: 100, mtu: 1500, ttl: 200, holes: 0 },
      },
      changes: [],
      lbs: 4,
      events: [],
      spray: 'random',
      order: 'same',
      seed: 1,
      tier: size,
      ...rest,
    });
  } finally {
    capture.close();
  }
}

const numbers = ({ kept }: TierResult, subject: Subject): [number, number, object] => {
  const { seen, broken, byCause } = kept.counts[subject];
  return [seen, broken, Object.fromEntries(byCause)];
};
const fail = (lb: number, at: number): TierEvent => ({ lb, at, what: 'fail' });

/** 200 connections of five packets in random order, an error about each, and 50 fragment trains whose fragments come in random order. */
function traffic(): Sent[] {
  const random = mulberry32(5);
  const packets = Array.from({ length: 200 }, (_, i) => Array.from({ length: 5 }, () => data(i))).flat();
  const shuffled = [...packets].map((bytes) => ({ bytes, key: random() })).sort((a, b) => a.key - b.key);
  const trains = Array.from({ length: 50 }, (_, i) =>
    train(i)
      .map((bytes) => ({ bytes, key: random() }))
      .sort((a, b) => a.key - b.key),
  );
  const all = [...shuffled, ...trains.flat()].map(({ bytes }) => bytes);
  const errors = Array.from({ length: 200 }, (_, i) => error(i));
  return [...all, ...errors].map((bytes, i) => ({ bytes, time: i / 1000 }));
}

describe('whichever load balancer takes a packet, its target is the same', () => {
  test.each([
    ['one of one', { lbs: 1 }],
    ['random, four', {}],
    ['random, one lost and another added', { events: [fail(2, 0.3), { lb: 5, at: 0.5, what: 'add' }] }],
    ['ECMP, one lost and back again', { spray: 'ecmp', events: [fail(2, 0.3), { lb: 2, at: 0.5, what: 'add' }] }],
    ['each with its targets in another order', { order: 'different' }],
    ['as C nfqlb, in the same order', { permutation: 'nfqlb' }],
    ['as C nfqlb, one lost and another added', { permutation: 'nfqlb', events: [fail(2, 0.3), { lb: 5, at: 0.5, what: 'add' }] }],
  ] as const)('%s', async (_name, options) => {
    const result = await tier(traffic(), options);
    expect(result.packets).toBe(200 * 5 + 50 * 3 + 200);
    // UDP of the trains makes connections, too.
    expect(numbers(result, 'connections')).toEqual([250, 0, {}]);
    expect(numbers(result, 'fragment trains')).toEqual([50, 0, {}]);
    expect(numbers(result, 'ICMP errors')).toEqual([200, 0, {}]);
    expect(result.members.reduce((sum, { packets }) => sum + packets, 0)).toBe(result.packets);
  });

  test('not as C nfqlb, if each activates its targets in another order', async () => {
    const options = { permutation: 'nfqlb', order: 'different' as Order } as const;
    const [seen, broken, causes] = numbers(await tier(traffic(), options), 'connections');
    expect(seen).toBe(250);
    // Six targets: five packets of a connection seldom meet the same one.
    expect(broken).toBeGreaterThan(100);
    expect(causes).toEqual({ [CAUSES.tablesDiffer]: broken });
    // The load balancer that takes all packets of a connection does not meet the others' tables, but errors take another way.
    const flows = await tier(traffic(), { ...options, spray: 'ecmp' });
    expect(numbers(flows, 'connections')[1]).toBe(0);
    expect(numbers(flows, 'ICMP errors')[1]).toBeGreaterThan(50);
    // One load balancer less moves flows to others.
    const lost = await tier(traffic(), { ...options, spray: 'ecmp', events: [fail(2, 0.3)] });
    expect(numbers(lost, 'connections')[1]).toBeGreaterThan(20);
  });
});

test('fragments that a lost load balancer had stored are lost, and no others', async () => {
  // The later fragments come first, and wait; then one of two load balancers is lost.
  const trains = Array.from({ length: 40 }, (_, i) => train(i));
  const sent = [
    ...trains.map(([, second]) => ({ bytes: second, time: 0 })),
    ...trains.flatMap(([first, , last]) => [first, last]).map((bytes) => ({ bytes, time: 0.1 })),
  ];
  const without = async (lb: number): Promise<number> => {
    const [seen, broken, causes] = numbers(await tier(sent, { lbs: 2, events: [fail(lb, 0.05)] }), 'fragment trains');
    expect(seen).toBe(40);
    expect(causes).toEqual({ [CAUSES.lost]: broken });
    return broken;
  };
  const [first, second] = [await without(1), await without(2)];
  // Each train waits in one of them.
  expect(first + second).toBe(40);
  expect(Math.min(first, second)).toBeGreaterThan(5);
  expect(numbers(await tier(sent, { lbs: 2 }), 'fragment trains')).toEqual([40, 0, {}]);
  // Where a third one comes, it takes about a third of the addresses.
  const [, moved, causes] = numbers(await tier(sent, { lbs: 2, events: [{ lb: 3, at: 0.05, what: 'add' }] }), 'fragment trains');
  expect(causes).toEqual({ [CAUSES.moved]: moved });
  expect(moved).toBeGreaterThan(5);
  expect(moved).toBeLessThan(25);
});

test('a target that goes breaks its connections; with a drain, those that another load balancer remembers', async () => {
  const changes = [scheduledChange('0.5:deactivate 103')];
  const long = Array.from({ length: 120 }, (_, i) => i);
  const sent = [
    ...long.map((i) => ({ bytes: data(i, 0x02), time: 0 })),
    ...[0.6, 0.8, 1].flatMap((time) => long.map((i) => ({ bytes: data(i), time }))),
    // These begin after the change; their first packets go to the new target.
    ...long.map((i) => ({ bytes: data(1000 + i, 0x02), time: 1.2 })),
    ...long.map((i) => ({ bytes: data(1000 + i), time: 1.3 })),
  ];
  const [seen, broken, causes] = numbers(await tier(sent, { changes }), 'connections');
  expect(seen).toBe(240);
  expect(causes).toEqual({ [CAUSES.changed]: broken });
  expect(broken).toBeGreaterThan(10);
  expect(broken).toBeLessThan(60);
  const drained = await tier(sent, { changes, drain: 30 });
  const remembered = numbers(drained, 'connections');
  expect(remembered[2]).toEqual({ [CAUSES.remembered]: remembered[1] });
  expect(remembered[1]).toBeGreaterThan(0);
  // Each of them began after the change.
  expect(numbers(await tier(sent.slice(0, 480), { changes, drain: 30 }), 'connections')).toEqual([120, 0, {}]);
});

test('what cannot be judged is counted apart', async () => {
  const [, second, last] = train(1);
  const sent = [error(7), second, last].map((bytes) => ({ bytes, time: 0 }));
  const { kept } = await tier(sent);
  expect([kept.unrelated, kept.incomplete]).toEqual([1, 1]);
  expect(Object.values(kept.counts).map(({ broken }) => broken)).toEqual([0, 0, 0]);
});

test('ECMP: all packets of a connection take one path, fragments go by their addresses, errors by their own', () => {
  const path = (bytes: Uint8Array, paths = 4): number => ecmp(bytes, 0, bytes.length, ETH_P_IP, paths);
  const counts = [0, 0, 0, 0];
  for (let i = 0; i < 2000; i++) {
    counts[path(data(i))]!++;
    expect(path(data(i, 0x02))).toBe(path(data(i)));
    expect(new Set(train(i).map((bytes) => path(bytes))).size).toBe(1);
    expect(path(error(i))).toBe(path(error(0)));
  }
  for (const count of counts) expect(Math.abs(count - 500)).toBeLessThan(100);
  // RFC 2992 §3: equal ranges; of four paths, the last one's flows, half of the third's and a quarter of the second's… move.
  const moved = Array.from({ length: 2000 }, (_, i) => path(data(i)) !== path(data(i), 3)).filter(Boolean).length;
  expect(moved / 2000).toBeCloseTo(0.5, 1);
});

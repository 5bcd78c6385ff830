import type { PacketStream } from '@nfqlb/captures';
import type { Record as CaptureRecord } from '@nfqlb/captures/testing';
import { ListedPackets } from '@nfqlb/captures/testing';
import { Balancer, type FragmentTableOptions, FwmarkLookup, TargetTable } from '@nfqlb/core';
import { fragments, packet, runs } from '@nfqlb/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DISORDER_WINDOW, DisorderedStream } from '../disorder/disordered-stream.js';
import { ReversedTrains } from '../disorder/reversed-trains.js';
import { Shuffle } from '../disorder/shuffle.js';
import { replay } from './replay.js';
import { ReplayedBalancer, type ReplayedBalancerOptions } from './replayed-balancer.js';
import { Schedule } from './schedule.js';
import { Tally } from './tally.js';

const TABLE = { M: 997, N: 32 };
const TARGETS = [101, 102, 103, 104].map((fwmark) => ({ fwmark }));
/** Room for every fragment that the window can delay. */
const ROOM: FragmentTableOptions = { size: 499, buckets: 1000, fragments: 2 * DISORDER_WINDOW, mtu: 1500, ttl: 200, holes: 0 };

interface Decision {
  readonly n: number;
  readonly time: string;
  readonly verdict: string;
  readonly fwmark: number | null;
  readonly reason: string;
  readonly kind: string;
  readonly reinjected: boolean;
  readonly src?: string;
  readonly proto?: number;
}

interface Replayed {
  readonly decisions: readonly Decision[];
  readonly lines: readonly string[];
  readonly tally: Tally;
  readonly statistics: Record<string, number>;
}

async function run(packets: PacketStream, options: Partial<ReplayedBalancerOptions> = {}): Promise<Replayed> {
  const lines: string[] = [];
  const tally = new Tally();
  const replayed = new ReplayedBalancer({
    tables: new Map([['nfqlb', { ...TABLE, targets: TARGETS }]]),
    choice: 'nfqlb',
    fragments: ROOM,
    ...options,
  });
  await replay({ packets, replayed, schedule: new Schedule([]), tally, onRecord: (line) => lines.push(line) });
  return { lines, decisions: lines.map((line) => JSON.parse(line) as Decision), tally, statistics: replayed.fragments.statistics() };
}

const withRoom = (room: Partial<FragmentTableOptions>): Partial<ReplayedBalancerOptions> => ({ fragments: { ...ROOM, ...room } });

interface Datagram {
  readonly whole: Uint8Array;
  readonly fragments: readonly Uint8Array[];
}

function datagram(family: 4 | 6, port: number, length: number, id: number, mtu = 1500): Datagram {
  const begin = family === 4 ? packet().ipv4('10.0.0.2', '10.0.0.1') : packet().ipv6('1000::2', '1000::1').hopByHop(16);
  const whole = begin.udp(port, 5001).payload(length).build();
  return { whole, fragments: fragments(whole, mtu, id) };
}

/** The table's decision for an unfragmented packet. */
const fwmarkOf = (() => {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(TABLE)), TABLE);
  table.activate(TARGETS);
  const balancer = new Balancer(new FwmarkLookup(table));
  return (bytes: Uint8Array): number => balancer.decide(bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? 0x86dd : 0x0800);
})();

describe('every fragment gets the fwmark of its unfragmented datagram', () => {
  const spec = fc.record({
    family: fc.constantFrom(4 as const, 6 as const),
    port: fc.integer({ min: 1, max: 65535 }),
    length: fc.integer({ min: 1, max: 4000 }),
    mtu: fc.constantFrom(576, 1280, 1500),
  });
  /** Interleaves the datagrams: the next fragment of each in turn, all within the time to live. */
  function interleave(datagrams: readonly Datagram[]): { records: CaptureRecord[]; owners: Datagram[] } {
    const longest = Math.max(0, ...datagrams.map((each) => each.fragments.length));
    const owners: Datagram[] = [];
    const records: CaptureRecord[] = [];
    for (let part = 0; part < longest; part++) {
      for (const each of datagrams) {
        const bytes = each.fragments[part];
        if (!bytes) continue;
        owners.push(each);
        records.push({ bytes, nanoseconds: records.length * 1000 });
      }
    }
    return { records, owners };
  }

  test.each(['in order', 'shuffled', 'reversed', 'reversed and shuffled'])('%s', async (disorder) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(spec, { maxLength: 60 }),
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.constantFrom(0, 1000),
        async (specs, seed, holes) => {
          const datagrams = specs.map(({ family, port, length, mtu }, id) => datagram(family, port, length, id + 1, mtu));
          const { records, owners } = interleave(datagrams);
          let packets: PacketStream = new ListedPackets(records);
          if (disorder.includes('reversed')) packets = new DisorderedStream(packets, new ReversedTrains());
          if (disorder.includes('shuffled')) packets = new DisorderedStream(packets, new Shuffle(seed));
          const { decisions, tally, statistics } = await run(packets, withRoom({ holes }));

          const accepted = decisions.filter(({ verdict }) => verdict === 'accept');
          expect(accepted.map(({ n }) => n).sort((a, b) => a - b)).toEqual(records.map((_, i) => i + 1));
          for (const { n, fwmark } of accepted) expect({ n, fwmark }).toEqual({ n, fwmark: fwmarkOf(owners[n - 1]!.whole) });
          const stored = decisions.filter(({ verdict }) => verdict === 'store').map(({ n }) => n);
          const reinjected = decisions.filter((decision) => decision.reinjected).map(({ n }) => n);
          expect(reinjected.toSorted()).toEqual(stored.toSorted());
          expect(decisions).toHaveLength(records.length + stored.length);
          expect([tally.packets, tally.stored, tally.reinjected, tally.accepted]).toEqual([
            records.length,
            stored.length,
            stored.length,
            records.length,
          ]);
          expect([statistics.fragsUsed, statistics.fragsDiscarded, statistics.fragsAllocated]).toEqual([0, 0, stored.length]);
        },
      ),
      { numRuns: runs(60) },
    );
  });
});

describe('fragments that arrive before their first one', () => {
  const { fragments: train } = datagram(4, 4711, 4000, 7);
  const [first, second, third] = train as [Uint8Array, Uint8Array, Uint8Array];
  const at = (milliseconds: number, bytes: Uint8Array): CaptureRecord => ({ bytes, nanoseconds: milliseconds * 1e6 });
  const seen = (decisions: readonly Decision[]): string[] =>
    decisions.map(({ n, time, verdict, reason, reinjected }) => `${n} ${Number(time)} ${verdict} ${reason}${reinjected ? ' again' : ''}`);

  test('come back right after it, in arrival order, with its timestamp', async () => {
    const { decisions } = await run(
      new ListedPackets([at(0, third), at(10, second), at(20, first), { bytes: packet().ipv4('10.0.0.2', '10.0.0.1').udp(1, 2).build() }]),
    );
    expect(seen(decisions)).toEqual([
      '1 0 store fragment-stored',
      '2 0.01 store fragment-stored',
      '3 0.02 accept balanced',
      '1 0.02 accept fragment-known again',
      '2 0.02 accept fragment-known again',
      '4 0 accept balanced',
    ]);
    const fwmarks = decisions.slice(0, -1).flatMap(({ fwmark }) => fwmark ?? []);
    expect(new Set(fwmarks).size).toBe(1);
  });

  test('come back whole: their wire length is counted, even if the capture has truncated them', async () => {
    const cut = third.slice(0, 40);
    const { tally } = await run(new ListedPackets([{ bytes: cut, original: third.length }, at(1, second), at(2, first)]));
    expect([...tally.targets.values()].find(({ packets }) => packets > 0)).toMatchObject({
      packets: 3,
      reinjected: 2,
      octets: first.length + second.length + third.length,
    });
  });

  test('are dropped without a tun device, with the rest of their datagram', async () => {
    const { decisions, statistics } = await run(new ListedPackets([at(0, second), at(1, first), at(2, third)]), withRoom({ fragments: 0 }));
    expect(seen(decisions)).toEqual(['1 0 drop fragment-no-room', '2 0.001 drop fragment-poisoned', '3 0.002 drop fragment-poisoned']);
    expect(statistics.fragsMax).toBe(0);
  });

  test('lose their datagram if there are too many for the pool or they are too long', async () => {
    const tooMany = await run(new ListedPackets([at(0, third), at(1, second), at(2, first)]), withRoom({ fragments: 1 }));
    expect(seen(tooMany.decisions)).toEqual([
      '1 0 store fragment-stored',
      '2 0.001 drop fragment-no-room',
      '3 0.002 drop fragment-poisoned',
    ]);
    expect(tooMany.statistics).toMatchObject({ fragsDiscarded: 1, fragsUsed: 0 });
    const tooLong = await run(new ListedPackets([at(0, second), at(1, first), at(2, third)]), withRoom({ mtu: second.length - 1 }));
    expect(seen(tooLong.decisions)).toEqual([
      '1 0 drop fragment-too-long',
      '2 0.001 drop fragment-poisoned',
      '3 0.002 drop fragment-poisoned',
    ]);
    const justFits = await run(new ListedPackets([at(0, second), at(1, first), at(2, third)]), withRoom({ mtu: second.length }));
    expect(justFits.tally.accepted).toBe(3);
    expect(justFits.statistics).toMatchObject({ mtu: second.length });
  });

  test('the last datagram is dropped if there are more than the table has room for', async () => {
    const others = [1, 2, 3].map((id) => at(id, datagram(4, 4711, 4000, id).fragments[0]!));
    const { decisions, statistics } = await run(new ListedPackets(others), withRoom({ size: 1, buckets: 1 }));
    expect(seen(decisions)).toEqual(['1 0.001 accept balanced', '2 0.002 accept balanced', '3 0.003 drop fragment-no-room']);
    expect(statistics).toMatchObject({ inserts: 3, rejected: 1, collisions: 2 });
  });

  test('live for ft_ttl, by capture timestamps', async () => {
    const onTime = await run(new ListedPackets([at(0, second), at(200, first), at(400, third)]));
    expect(seen(onTime.decisions).slice(1)).toEqual([
      '2 0.2 accept balanced',
      '1 0.2 accept fragment-known again',
      '3 0.4 accept fragment-known',
    ]);
    const late = await run(new ListedPackets([at(0, second), at(201, first), at(402, third)]));
    expect(seen(late.decisions)).toEqual(['1 0 store fragment-stored', '2 0.201 accept balanced', '3 0.402 store fragment-stored']);
    expect(late.statistics).toMatchObject({ objGC: 2, fragsDiscarded: 1, fragsUsed: 1 });
  });

  test("time stands still when the capture's clock goes back", async () => {
    const { decisions } = await run(new ListedPackets([at(500, second), { bytes: first, seconds: -9 }, at(600, third)]));
    expect(decisions.map(({ verdict }) => verdict)).toEqual(['store', 'accept', 'accept', 'accept']);
  });

  test('a frame keeps its number when another fragment of the same datagram has expired', async () => {
    const { decisions } = await run(new ListedPackets([at(0, second), at(300, third), at(301, first)]));
    expect(decisions.filter(({ reinjected }) => reinjected).map(({ n }) => n)).toEqual([2]);
  });
});

describe('in a tier', () => {
  const OWN = [201, 202, 203];
  const tier = (ownFwmark: number): Partial<ReplayedBalancerOptions> => ({
    tier: { ...TABLE, ownFwmark, targets: OWN.map((fwmark) => ({ fwmark })) },
  });

  test('exactly one of three load balancers that see the same packets decides each datagram', async () => {
    const datagrams = Array.from({ length: 60 }, (_, id) => {
      const source = `10.0.${id >> 3}.${id}`;
      return fragments(packet().ipv4(source, '10.0.0.1').udp(4711, 5001).payload(3000).build(), 1500, id + 1);
    });
    const records = datagrams.flat().map((bytes, i) => ({ bytes, nanoseconds: i * 1000 }));
    const all = await Promise.all(OWN.map((own) => run(new DisorderedStream(new ListedPackets(records), new Shuffle(5)), tier(own))));
    const owners = datagrams.map((train, id) => {
      const frames = train.map((_, part) => id * train.length + part + 1);
      const deciders = OWN.filter((_, lb) =>
        all[lb]!.decisions.some(({ n, verdict, reason }) => frames.includes(n) && verdict === 'accept' && reason !== 'fragment-to-tier'),
      );
      expect(deciders).toHaveLength(1);
      for (const frame of frames) {
        const taken = all.map(({ decisions }) => decisions.filter(({ n, verdict }) => n === frame && verdict === 'accept'));
        // The owner decides it once; the others forward it once.
        expect(taken.map((each) => each.length)).toEqual([1, 1, 1]);
        for (const [lb, [decision]] of taken.entries()) {
          if (OWN[lb] === deciders[0]) expect(decision!.fwmark).toBeLessThan(200);
          else expect(decision).toMatchObject({ reason: 'fragment-to-tier', fwmark: deciders[0] });
        }
      }
      return deciders[0];
    });
    expect(new Set(owners)).toEqual(new Set(OWN));
    const handled = all.map(({ tally }) => tally.accepted);
    expect(handled.reduce((sum, n) => sum + n)).toBe(records.length);
    for (const { tally } of all)
      expect(tally.accepted + [...tally.tier.values()].reduce((sum, each) => sum + each.packets, 0)).toBe(records.length);
  });

  test('a load balancer outside the tier forwards all fragments, and decides whole packets itself', async () => {
    const { whole, fragments: train } = datagram(6, 4711, 3000, 1);
    const { decisions } = await run(new ListedPackets([whole, ...train].map((bytes) => ({ bytes }))), tier(0));
    expect(decisions.map(({ reason }) => reason)).toEqual(['balanced', ...train.map(() => 'fragment-to-tier')]);
    expect(decisions[0]!.fwmark).toBe(fwmarkOf(whole));
  });
});

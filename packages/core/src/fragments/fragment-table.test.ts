import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { extractKey } from '../key/extract.js';
import { Kind } from '../key/kind.js';
import { PacketKey } from '../key/packet-key.js';
import { STORED } from '../packet-batch.js';
import { packet } from '../packet-builder/index.js';
import { fragments } from '../testing/fragments.js';
import { HASH_KEY, type NaiveAnswer, NaiveFragmentTable } from '../testing/naive-fragments.js';
import { runs } from '../testing/runs.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { FragmentTable, LOST, MAX_CHAIN, NO_ROOM, TOO_LONG } from './fragment-table.js';
import type { FragmentTableOptions } from './layout.js';
import { nameStatistics, STATISTICS_LENGTH } from './statistics.js';

const OPTIONS: FragmentTableOptions = { size: 7, buckets: 3, fragments: 4, mtu: 1500, ttl: 200, holes: 0 };

/** A table, with the fragments that it reinjects. */
class Bench {
  readonly sent: Uint8Array[] = [];
  readonly table: FragmentTable;
  readonly statistics = new Uint32Array(STATISTICS_LENGTH / 4);
  readonly #key = new PacketKey();

  constructor(options: FragmentTableOptions, memory = FragmentTable.createMemory(options, HASH_KEY)) {
    this.table = new FragmentTable(memory, options, this.statistics, (bytes, at, length) => {
      this.sent.push(bytes.slice(at, at + length));
    });
    this.table.resetStatistics(options);
  }

  /** @param fwmark the decision for a first fragment */
  take(bytes: Uint8Array, fwmark = 101): number {
    const key = keyOf(bytes, this.#key);
    const { fragmentId } = this.#key;
    expect(fragmentId).not.toBe(0);
    return key === Kind.FirstFragment
      ? this.table.first(this.#key, fwmark)
      : this.table.later(this.#key, bytes, 0, bytes.length, bytes.length);
  }

  get now(): Record<string, number> {
    this.table.collect();
    return nameStatistics(this.statistics);
  }
}

function keyOf(bytes: Uint8Array, key: PacketKey): Kind {
  const kind = extractKey(key, bytes, 0, bytes.length, bytes[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP, 0);
  expect([Kind.FirstFragment, Kind.Fragment]).toContain(kind);
  return kind;
}

/** A datagram in three fragments. */
function trainV4(id: number, port = 4711, source = '10.0.0.2'): [Uint8Array, Uint8Array, Uint8Array] {
  return fragments(packet().ipv4(source, '10.0.0.1').udp(port, 5001).payload(4000).build(), 1500, id) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
}

function trainV6(id: number, port = 4711): [Uint8Array, Uint8Array, Uint8Array] {
  return fragments(packet().ipv6('2001:db8::2', '2001:db8::1').hopByHop(16).udp(port, 5001).payload(4000).build(), 1500, id) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
}

describe.each([
  ['IPv4', trainV4],
  ['IPv6', trainV6],
])('fragments over %s', (_family, train) => {
  let bench: Bench;
  const [first, middle, last] = train(7);

  beforeEach(() => {
    bench = new Bench(OPTIONS);
  });

  test('in order get the fwmark of the first', () => {
    expect([first, middle, last].map((fragment) => bench.take(fragment, 103))).toEqual([103, 103, 103]);
    expect(bench.sent).toEqual([]);
  });

  test('of another datagram do not', () => {
    bench.take(first, 103);
    expect(bench.take(train(8)[1])).toBe(STORED);
  });

  test('that arrive before the first are stored, and later reinjected unchanged, in order of arrival', () => {
    expect([last, middle].map((fragment) => bench.take(fragment))).toEqual([STORED, STORED]);
    expect(bench.now).toMatchObject({ fragsAllocated: 2, fragsUsed: 2, active: 1 });
    expect(bench.take(first, 103)).toBe(103);
    expect(bench.sent).toEqual([last, middle]);
    expect(bench.sent.map((fragment) => bench.take(fragment))).toEqual([103, 103]);
    expect(bench.now).toMatchObject({ fragsUsed: 0, fragsDiscarded: 0 });
  });

  test('expire when none arrived for longer than the ttl, and not before', () => {
    bench.take(first, 103);
    bench.table.now = 200;
    expect(bench.take(middle)).toBe(103);
    bench.table.now = 400;
    expect(bench.take(last)).toBe(103);
    bench.table.now = 600.1;
    expect(bench.take(last)).toBe(STORED);
    expect(bench.now).toMatchObject({ objGC: 1, active: 1 });
  });

  test('that are stored are discarded when they expire', () => {
    bench.take(middle);
    bench.table.now = 201;
    expect(bench.now).toMatchObject({ fragsDiscarded: 1, fragsUsed: 0, active: 0 });
    expect(bench.take(first)).toBe(101);
    expect(bench.sent).toEqual([]);
  });

  test('a duplicate first fragment is dropped, and changes nothing', () => {
    bench.take(first, 103);
    expect(bench.take(first, 104)).toBe(LOST);
    expect(bench.take(middle)).toBe(103);
  });

  describe('whose identification comes again while the datagram before is remembered', () => {
    // Other ports: another connection of the client.
    const [again, , againLast] = train(7, 4444);

    test('follow the new first fragment', () => {
      expect([first, middle, last].map((fragment) => bench.take(fragment, 103))).toEqual([103, 103, 103]);
      expect(bench.take(again, 104)).toBe(104);
      expect(bench.take(again, 105)).toBe(LOST);
      expect(bench.take(againLast)).toBe(104);
    });

    test('are dropped with it', () => {
      bench.take(first, 103);
      expect(bench.take(again, -1)).toBe(-1);
      expect(bench.take(againLast)).toBe(LOST);
    });

    test('are tracked anew', () => {
      const tracking = new Bench({ ...OPTIONS, holes: 4 });
      expect([tracking.take(first, 103), tracking.take(middle), tracking.take(again, 104)]).toEqual([103, 103, 104]);
      // Its last fragment is not the one before's.
      expect(tracking.take(againLast)).toBe(104);
      expect(tracking.now).toMatchObject({ reAssembled: 0, active: 1 });
      expect(tracking.take(middle)).toBe(104);
      expect(tracking.now).toMatchObject({ reAssembled: 1, active: 0, holesUsed: 0 });
    });
  });

  test('are dropped if the first fragment was dropped', () => {
    bench.take(middle);
    expect(bench.take(first, -1)).toBe(-1);
    expect(bench.take(last)).toBe(LOST);
    expect(bench.now).toMatchObject({ fragsDiscarded: 1, fragsUsed: 0 });
    expect(bench.sent).toEqual([]);
  });

  test('of a datagram that cannot be stored completely are dropped, and the stored ones discarded', () => {
    for (let id = 8; id < 11; id++) bench.take(train(id)[1]);
    expect([middle, last, first].map((fragment) => bench.take(fragment))).toEqual([STORED, NO_ROOM, LOST]);
    expect(bench.now).toMatchObject({ fragsUsed: 3, fragsDiscarded: 1 });
  });

  test('longer than the mtu are not stored', () => {
    const short = new Bench({ ...OPTIONS, mtu: middle.length - 1 });
    expect(short.take(middle)).toBe(TOO_LONG);
    expect(short.take(last)).toBe(LOST);
    expect(short.take(train(8)[2])).toBe(STORED);
  });

  test('that are out of order are dropped if there is no room to store any', () => {
    const without = new Bench({ ...OPTIONS, fragments: 0 });
    expect([middle, first, last].map((fragment) => without.take(fragment))).toEqual([NO_ROOM, LOST, LOST]);
    expect(train(8).map((fragment) => without.take(fragment))).toEqual([101, 101, 101]);
  });

  test('need an entry: if all are in use, new datagrams are dropped, and known ones still served', () => {
    const one = new Bench({ ...OPTIONS, size: 1, buckets: 1 });
    expect(one.take(first, 103)).toBe(103);
    expect(one.take(train(8)[0], 104)).toBe(104);
    expect(one.take(train(9)[0], 105)).toBe(NO_ROOM);
    expect(one.take(train(9)[1])).toBe(NO_ROOM);
    expect([middle, train(8)[1]].map((fragment) => one.take(fragment))).toEqual([103, 104]);
    expect(one.now).toMatchObject({ rejected: 2, collisions: 3, bucketsAllocated: 1, bucketsUsed: 1, active: 2 });
    one.table.now = 201;
    expect(one.take(train(9)[0], 105)).toBe(105);
    expect(one.now).toMatchObject({ bucketsUsed: 0, active: 1, objGC: 2 });
  });

  describe('with a reassembler', () => {
    beforeEach(() => {
      bench = new Bench({ ...OPTIONS, holes: 3 });
    });

    test.each([
      ['in order', [first, middle, last]],
      ['with the last fragment before the middle one', [first, last, middle]],
      ['with a duplicate fragment', [first, middle, middle, last]],
    ])('a datagram %s is removed when it is complete', (_name, arrivals) => {
      expect(arrivals.map((fragment) => bench.take(fragment, 103))).toEqual(arrivals.map(() => 103));
      expect(bench.now).toMatchObject({ reAssembled: 1, active: 0, holesUsed: 0, objGC: 0 });
    });

    test('a datagram whose first fragment is not the first to arrive lives until it expires', () => {
      for (const fragment of [middle, first, middle, last]) bench.take(fragment);
      expect(bench.now).toMatchObject({ reAssembled: 0, active: 1, holesUsed: 0 });
    });

    test('datagrams without a free hole live until they expire, and are served', () => {
      const trains = [7, 8, 9, 10].map((id) => train(id));
      for (const [head] of trains) bench.take(head, 103);
      expect(bench.now).toMatchObject({ active: 4, holesUsed: 3 });
      for (const [, body, tail] of trains) expect([bench.take(body), bench.take(tail)]).toEqual([103, 103]);
      expect(bench.now).toMatchObject({ reAssembled: 3, active: 1, holesUsed: 0 });
    });

    test('holes are freed when their entry expires', () => {
      bench.take(first);
      bench.table.now = 201;
      expect(bench.now).toMatchObject({ holesUsed: 0, active: 0 });
    });

    test('a complete datagram frees its extra entry', () => {
      const one = new Bench({ ...OPTIONS, size: 1, holes: 10 });
      const [other] = train(8);
      one.take(other, 104);
      for (const fragment of [first, middle, last]) expect(one.take(fragment, 103)).toBe(103);
      expect(one.now).toMatchObject({ reAssembled: 1, bucketsUsed: 0, active: 1 });
      expect(one.take(train(8)[1])).toBe(104);
    });
  });
});

test('IPv4 datagrams of two protocols may have the same identification', () => {
  const bench = new Bench(OPTIONS);
  const tcp = fragments(packet().ipv4('10.0.0.2', '10.0.0.1').tcp(4711, 5001).payload(2000).build(), 1500, 7);
  const udp = fragments(packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(2000).build(), 1500, 7);
  bench.take(tcp[0]!, 103);
  bench.take(udp[0]!, 104);
  expect([bench.take(tcp[1]!), bench.take(udp[1]!)]).toEqual([103, 104]);
});

test('IPv6 fragments of one datagram may have different next headers (RFC 8200 §4.5)', () => {
  const bench = new Bench(OPTIONS);
  const [first, middle] = trainV6(7);
  const renamed = middle.slice();
  renamed[56] = 6;
  bench.take(first, 103);
  expect(bench.take(renamed)).toBe(103);
});

test.each([
  ['size', 0],
  ['size', 2 ** 40],
  ['buckets', -1],
  ['fragments', 1.5],
  ['mtu', Number.NaN],
] as const)('%s %d is refused', (name, value) => {
  expect(() => FragmentTable.createMemory({ ...OPTIONS, [name]: value }, HASH_KEY)).toThrow(
    `fragment table: ${name} ${value}: must be a whole number from`,
  );
});

test('a table larger than the available memory is refused', () => {
  expect(() => FragmentTable.createMemory({ ...OPTIONS, fragments: 2 ** 22, mtu: 2 ** 22 }, HASH_KEY)).toThrow(
    /^a fragment table of 1759\d+ octets is more than there is memory for$/,
  );
});

describe('any arrivals', () => {
  const event = fc.record({
    wait: fc.oneof({ weight: 5, arbitrary: fc.nat(20) }, { weight: 1, arbitrary: fc.integer({ min: 150, max: 450 }) }),
    datagram: fc.nat(14),
    part: fc.nat(2),
    fwmark: fc.constantFrom(101, 102, 103, -1),
  });
  const options = fc.record({
    size: fc.constantFrom(1, 2, 5, 13),
    buckets: fc.nat(6),
    fragments: fc.nat(6),
    mtu: fc.constantFrom(1000, 1500),
    ttl: fc.constant(200),
    reassembler: fc.boolean(),
  });
  const trains = Array.from({ length: 15 }, (_, i) =>
    i % 3 === 0 ? trainV6(i + 1) : trainV4(1 + (i % 5), 4711 + i, `10.0.0.${2 + (i % 2)}`),
  );

  test('get the same answers as from a naive table', () => {
    const names: ReadonlyMap<number, NaiveAnswer> = new Map<number, NaiveAnswer>([
      [STORED, 'stored'],
      [NO_ROOM, 'no-room'],
      [LOST, 'lost'],
      [TOO_LONG, 'too-long'],
    ]);
    fc.assert(
      fc.property(options, fc.array(event, { maxLength: 120 }), ({ reassembler, ...sizes }, events) => {
        const bench = new Bench({ ...sizes, holes: reassembler ? 100 : 0 });
        const naive = new NaiveFragmentTable({ ...sizes, reassembler });
        const key = new PacketKey();
        for (const { wait, datagram, part, fwmark } of events) {
          naive.now += wait;
          bench.table.now = naive.now;
          const fragment = trains[datagram]![part]!;
          const answer = bench.take(fragment, fwmark);
          const expected = keyOf(fragment, key) === Kind.FirstFragment ? naive.first(key, fwmark) : naive.later(key, fragment);
          expect(names.get(answer) ?? answer).toBe(expected);
        }
        expect(bench.sent).toEqual(naive.sent);
        naive.collect();
        expect(bench.now).toMatchObject({
          active: naive.datagrams.length,
          bucketsUsed: naive.datagrams.filter(({ extra }) => extra).length,
          fragsUsed: naive.stored,
          fragsDiscarded: naive.discarded,
          reAssembled: naive.reassembled,
          objGC: naive.collected,
        });
        bench.table.now = naive.now + 1000;
        expect(bench.now).toMatchObject({ active: 0, bucketsUsed: 0, fragsUsed: 0, holesUsed: 0 });
      }),
      { numRuns: runs(1500) },
    );
  });
});

describe('different clocks', () => {
  /** Two threads of one table. */
  function threads(): [Bench, Bench] {
    const memory = FragmentTable.createMemory(OPTIONS, HASH_KEY);
    return [new Bench(OPTIONS, memory), new Bench(OPTIONS, memory)];
  }
  const [first, middle, last] = trainV4(7);

  test.each([1 / 16, 150, 60_000])('a datagram used by a thread that is %f ms ahead does not expire', (lead) => {
    const [ahead, behind] = threads();
    ahead.table.now = 1000 + lead;
    behind.table.now = 1000;
    expect(ahead.take(first, 103)).toBe(103);
    expect(behind.take(middle)).toBe(103);
    expect(behind.now).toMatchObject({ active: 1, objGC: 0 });
    // The thread that is behind has not set back the time of its last use.
    ahead.table.now = 1000 + lead + 200;
    expect(ahead.take(last)).toBe(103);
  });

  test('fragments stored by a thread that is ahead are not discarded', () => {
    const [ahead, behind] = threads();
    ahead.table.now = 1001;
    behind.table.now = 1000;
    expect(ahead.take(middle)).toBe(STORED);
    expect(behind.now).toMatchObject({ fragsUsed: 1, fragsDiscarded: 0 });
    expect(behind.take(first, 103)).toBe(103);
    expect(behind.sent).toEqual([middle]);
  });

  test('time wraps: 2³² ticks of 1/16 ms', () => {
    const wrap = 2 ** 32 / 16;
    for (const begin of [wrap - 100, wrap / 2 - 100]) {
      const bench = new Bench(OPTIONS);
      bench.table.now = begin;
      bench.take(first, 103);
      bench.table.now = begin + 190;
      expect(bench.take(middle)).toBe(103);
      bench.table.now = begin + 190 + 201;
      expect(bench.now).toMatchObject({ active: 0, objGC: 1 });
    }
  });

  test.each([1, 36, 38, 70])('an entry that was not used for %i hours has expired', (hours) => {
    const bench = new Bench(OPTIONS);
    bench.take(first, 103);
    bench.table.now = hours * 3_600_000;
    expect(bench.now).toMatchObject({ active: 0, objGC: 1 });
  });
});

test('the number of datagrams in a bucket is limited: more are dropped, and other buckets are not affected', () => {
  const options = { ...OPTIONS, size: 100, buckets: 1000 };
  const bench = new Bench(options);
  const key = new PacketKey();
  const heads = { crowded: [] as Uint8Array[], other: [] as Uint8Array[] };
  // With the hash key, it is easy to find datagrams that share a bucket.
  for (let id = 1; heads.crowded.length < MAX_CHAIN + 4; id++) {
    const [head] = trainV4(id);
    keyOf(head, key);
    const bucket = (key.hashFragment(...HASH_KEY) >>> 0) % options.size;
    if (bucket === 0) heads.crowded.push(head);
    else if (heads.other.length < 99 && bucket > 0 && bucket === heads.other.length + 1) heads.other.push(head);
  }
  expect(heads.crowded.map((head) => bench.take(head, 103))).toEqual([...Array(MAX_CHAIN).fill(103), ...Array(4).fill(NO_ROOM)]);
  expect(bench.now).toMatchObject({ rejected: 4, active: MAX_CHAIN });
  for (const head of heads.other) expect(bench.take(head, 104)).toBe(104);
  bench.table.now = 201;
  expect(bench.take(heads.crowded.at(-1)!, 105)).toBe(105);
});

describe('a lock that is never released because its holder died', () => {
  test('of a bucket: the other buckets are collected, and this one is counted as skipped', () => {
    const memory = FragmentTable.createMemory(OPTIONS, HASH_KEY);
    const bench = new Bench(OPTIONS, memory);
    for (let id = 1; id <= 3; id++) bench.take(trainV4(id)[0], 103);
    const words = new Int32Array(memory);
    const held = bench.table.lockAt(0);
    words[held] = 1;
    bench.table.now = 1000;
    const { active, objGC, skipped } = bench.now;
    expect(active! + objGC!).toBeLessThanOrEqual(3);
    expect(skipped).toBe(1);
    words[held] = 0;
    expect(bench.now).toMatchObject({ active: 0, objGC: 3, skipped: 1 });
  });

  test('of a pool: an observer gives up and continues', () => {
    const options = { ...OPTIONS, size: 1 };
    const memory = FragmentTable.createMemory(options, HASH_KEY);
    const bench = new Bench(options, memory);
    for (let id = 1; id <= 3; id++) bench.take(trainV4(id)[0], 103);
    const statistics = new Uint32Array(STATISTICS_LENGTH / 4);
    const observer = new FragmentTable(memory, options, statistics, () => {}, true);
    new Int32Array(memory)[observer.lockAt(options.size)] = 1;
    observer.resetStatistics(options);
    observer.now = 1000;
    observer.collect();
    expect(nameStatistics(statistics)).toMatchObject({ objGC: 3, active: 0 });
  });
});

test('the occupancy is what is in use after all that has expired is collected, and changes nothing', () => {
  const step = fc.record({
    id: fc.integer({ min: 1, max: 30 }),
    part: fc.integer({ min: 0, max: 2 }),
    wait: fc.integer({ min: 0, max: 120 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [looked, other] = [new Bench(OPTIONS), new Bench(OPTIONS)];
      let now = 0;
      for (const { id, part, wait } of steps) {
        now += wait;
        for (const { table } of [looked, other]) table.now = now;
        expect(looked.take(trainV4(id)[part]!)).toBe(other.take(trainV4(id)[part]!));
        looked.table.occupancy();
      }
      const { datagrams } = looked.table.occupancy();
      expect(looked.now).toEqual(other.now);
      expect(datagrams).toBe(looked.now.active);
      expect(looked.table.occupancy()).toEqual({ datagrams, stored: looked.now.fragsUsed });
    }),
    { numRuns: runs(40) },
  );
});

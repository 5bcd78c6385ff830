// Any fragments, in any order, by several threads whose clocks differ, in a table that is often full: see `run`.

import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { STORED } from '../packet-batch.js';
import { packet } from '../packet-builder/index.js';
import type { FuzzInput } from '../testing/fuzz-input.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { HASH_KEY, type NaiveAnswer, NaiveFragmentTable } from '../testing/naive-fragments.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { FragmentTable, LOST, NO_ROOM, TOO_LONG } from './fragment-table.js';
import { nameStatistics, STATISTICS_LENGTH, sumStatistics } from './statistics.js';

const MAX_EVENTS = 200;
const DATAGRAMS = 6;
/** Time in which nothing that is used expires: the clocks of threads differ by at most {@link LEAD}. */
const TTL = 200;
const LEAD = 40;

const NAMES: ReadonlyMap<number, NaiveAnswer> = new Map<number, NaiveAnswer>([
  [STORED, 'stored'],
  [NO_ROOM, 'no-room'],
  [LOST, 'lost'],
  [TOO_LONG, 'too-long'],
]);

interface Event {
  readonly thread: number;
  /** Milliseconds since the event before. */
  readonly wait: number;
  readonly datagram: number;
  /** In units of 8 octets. */
  readonly begin: number;
  readonly length: number;
  readonly more: boolean;
  readonly fwmark: number;
}

const event = (input: FuzzInput): Event => {
  const [how, what] = [input.u8(), input.u8()];
  return {
    thread: how & 3,
    wait: [0, 0, 0, 0, 1, 30, 199, 201][(how >> 2) & 7]!,
    more: (how & 32) === 0,
    // A first fragment that is dropped, because no target is active.
    fwmark: (how & 64) === 0 || (how & 128) === 0 ? 101 + (how >> 6) : -1,
    datagram: what % DATAGRAMS,
    begin: (what >> 3) & 7,
    length: 1 + ((what >> 6) & 3),
  };
};

const keyOfEvent = new PacketKey();

/** Units of 8 octets in a datagram whose fragments do not contradict each other; the last is not full. */
const UNITS = 8;

/** The same, as a part of a datagram of {@link UNITS}: what contradicts the rest completes nothing, or everything, as it happens to come. */
function consistent(one: Event): Event {
  const isLast = !one.more || one.begin === UNITS - 1;
  return { ...one, more: !isLast, length: isLast ? UNITS - one.begin : Math.min(one.length, UNITS - 1 - one.begin) };
}

/** A first fragment with another decision has other ports, too. */
function fragmentOf({ datagram, begin, length, more, fwmark }: Event): Uint8Array {
  const ip = datagram % 3 === 0 ? packet().ipv6('2001:db8::2', '2001:db8::1') : packet().ipv4(`10.0.0.${2 + datagram}`, '10.0.0.1');
  const part = ip.fragment({ id: 7 + (datagram >> 1), offset: 8 * begin, more });
  const octets = 8 * length - (more ? 0 : 3);
  return begin === 0
    ? part
        .udp(200 + fwmark, 2)
        .payload(Math.max(0, octets - 8))
        .build()
    : part.protocol(17).payload(octets).build();
}

const target: FuzzTarget = {
  run(input) {
    const threads = 1 + input.below(3);
    const sizes = {
      size: input.pick([1, 2, 7]),
      buckets: input.below(4),
      fragments: input.below(5),
      mtu: input.pick([60, 1500]),
      ttl: TTL,
    };
    const holes = input.pick([0, 1, 2, 100]);
    const memory = FragmentTable.createMemory({ ...sizes, holes }, HASH_KEY);
    const sent: Uint8Array[] = [];
    const tables = Array.from({ length: threads }, (_, thread) => {
      const statistics = new Uint32Array(STATISTICS_LENGTH / 4);
      const reinject = (bytes: Uint8Array, at: number, length: number): number => sent.push(bytes.slice(at, at + length));
      const table = new FragmentTable(memory, { ...sizes, holes }, statistics, reinject);
      if (thread === 0) table.resetStatistics({ ...sizes, holes });
      return { table, statistics, lead: threads === 1 ? 0 : input.below(LEAD) };
    });
    // With one thread, and holes for all or none, the answers are those of a naive table.
    const naive =
      threads === 1 && (holes === 0 || holes === 100) ? new NaiveFragmentTable({ ...sizes, reassembler: holes > 0 }) : undefined;
    let now = 0;
    /** By datagram: its target, while that is certain. */
    const trains = new Map<number, { fwmark: number; lastUse: number }>();
    let stored = 0;
    const events = input.list(MAX_EVENTS, () => (naive ? consistent(event(input)) : event(input)));
    for (const one of events) {
      now += one.wait;
      const { table, lead } = tables[one.thread % threads]!;
      table.now = now + lead;
      const octets = fragmentOf(one);
      const before = sent.length;
      const key = keyOfEvent;
      extractKey(key, octets, 0, octets.length, octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP, 0);
      const isFirst = one.begin === 0 && one.more;
      // A packet that is no fragment.
      if (one.begin === 0 && !one.more) continue;
      const answer = isFirst ? table.first(key, one.fwmark) : table.later(key, octets, 0, octets.length, octets.length);
      input.note(answer * 8 + (isFirst ? 4 : 0) + Math.min(3, sent.length - before) + 4096);
      if (naive) {
        naive.now = now;
        same('answer', NAMES.get(answer) ?? answer, isFirst ? naive.first(key, one.fwmark) : naive.later(key, octets));
      }
      if (answer === STORED) {
        stored++;
        isTrue('only what has room is stored', octets.length <= sizes.mtu && sizes.fragments > 0);
      }
      const known = trains.get(one.datagram);
      const isFresh = known !== undefined && now - known.lastUse < TTL - LEAD;
      if (answer >= 0) {
        isTrue('a fwmark that was decided', answer === 101 || answer === 102 || answer === 103, answer);
        // One target for a train, from its first fragment on, until it is complete or forgotten.
        if (isFresh && !isFirst) same('one target for a train', answer, known.fwmark);
        trains.set(one.datagram, { fwmark: answer, lastUse: now });
      } else if (answer === STORED) isTrue('nothing is stored of a train whose first fragment came', !isFresh || holes > 0);
      else if (isFirst) trains.delete(one.datagram);
    }
    if (naive) same('reinjected', sent, naive.sent);
    // Pools add up, now and when everything has expired.
    const sum = (): Record<string, number> => {
      const all = new Uint32Array(STATISTICS_LENGTH / 4);
      tables[0]!.table.collect();
      sumStatistics(
        tables.map(({ statistics }) => statistics),
        all,
      );
      return nameStatistics(all);
    };
    const counts = sum();
    same('stored = reinjected + discarded + waiting', stored, sent.length + counts.fragsDiscarded! + counts.fragsUsed!);
    isTrue('pools', counts.fragsUsed! <= sizes.fragments && counts.holesUsed! <= holes && counts.bucketsUsed! <= sizes.buckets, counts);
    tables[0]!.table.now = now + 10 * TTL;
    const { active, bucketsUsed, fragsUsed, holesUsed, inserts, rejected, reAssembled, objGC } = sum();
    same('all is free', [active, bucketsUsed, fragsUsed, holesUsed], [0, 0, 0, 0]);
    same('what was inserted has gone', inserts! - rejected! - reAssembled!, objGC);
  },
};
export default target;

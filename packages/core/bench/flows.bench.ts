// Cost of finding a packet's flow, compared with a linear walk; of compiling the flows; and the memory that they take.

import { getHeapStatistics } from 'node:v8';
import { ETH_P_IP, ETH_P_IPV6, extractKey, KEY_LENGTH, type Kind, PacketKey } from '@nfqlb/core';
import { compileFlows, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { measure } from 'mitata';
import { SHAPES } from './flow-shapes.js';
import { FlowWalk } from './flow-walk.js';
import { report } from './goal.js';

const COUNTS = [1, 10, 100, 1_000, 10_000];
const PACKETS = 1024;
const TURNS = 2;
/** Lookup among 10,000 flows relative to 10; lookup relative to a walk; compile time in milliseconds. */
const GOAL = { growth: 1.5, hostile: 1, compile: 1000 };

/** The current packet's key, which is reused as in a program. */
const key = new PacketKey();

/** Packets with extracted keys, so that only the search is measured. */
class ExtractedPackets {
  readonly length: number;
  readonly octets: readonly Uint8Array[];
  readonly #words: Int32Array;
  readonly #kinds: Uint8Array;
  readonly #families: Uint8Array;
  readonly #transports: Uint8Array;

  constructor(octets: readonly Uint8Array[]) {
    this.length = octets.length;
    this.octets = octets;
    this.#words = new Int32Array((KEY_LENGTH / 4) * octets.length);
    this.#kinds = new Uint8Array(octets.length);
    this.#families = Uint8Array.from(octets, (packet) => packet[0]! >> 4);
    this.#transports = new Uint8Array(octets.length);
    octets.forEach((packet, i) => {
      this.#kinds[i] = extractKey(key, packet, 0, packet.length, this.#families[i] === 6 ? ETH_P_IPV6 : ETH_P_IP, 0);
      this.#words.set(key.words, (KEY_LENGTH / 4) * i);
      this.#transports[i] = key.transportAt;
    });
  }

  /** Copies the key of a packet to {@link key}, and returns its kind. */
  take(i: number): Kind {
    for (let word = 0; word < KEY_LENGTH / 4; word++) key.words[word] = this.#words[(KEY_LENGTH / 4) * i + word]!;
    key.family = this.#families[i]!;
    key.transportAt = this.#transports[i]!;
    key.transportLength = 20;
    return this.#kinds[i] as Kind;
  }
}

/** Nanoseconds per packet: the median of many runs over the first `count` packets. */
async function nanoseconds(packets: ExtractedPackets, count: number, find: (kind: Kind, octets: Uint8Array) => number): Promise<number> {
  let sum = 0;
  const run = (): void => {
    for (let i = 0; i < count; i++) sum += find(packets.take(i), packets.octets[i]!);
  };
  const { p50 } = await measure(run, { min_cpu_time: 0.1e9 });
  if (Number.isNaN(sum)) throw new Error('a flow is not a number');
  return p50 / count;
}

const rows = Object.entries(SHAPES).flatMap(([name, make]) =>
  COUNTS.map((count) => {
    const { flows, packet } = make(count);
    const set = new FlowSet(flows);
    const begin = performance.now();
    const memory = compileFlows(set);
    const compile = performance.now() - begin;
    const walk = new FlowWalk(set.inOrder());
    const packets = new ExtractedPackets(Array.from({ length: PACKETS }, packet));
    const lookup = new FlowLookup(memory);
    for (let i = 0; i < 100; i++) {
      const kind = packets.take(i);
      const octets = packets.octets[i]!;
      if (lookup.find(key, kind, octets) !== walk.find(key, octets)) throw new Error(`${name}, ${count} flows: lookup and walk differ`);
    }
    return { name, count, compile, bytes: memory.byteLength, lookup, walk, packets };
  }),
);

// In a program, all of these run through the same compiled code, so let it see all of them before measuring one.
for (let i = 0; i < 20; i++) {
  for (const { lookup, walk, packets } of rows) {
    for (let at = 0; at < 100; at++) {
      lookup.find(key, packets.take(at), packets.octets[at]!);
      if (i < 2) walk.find(key, packets.octets[at]!);
    }
  }
}

for (const name of Object.keys(SHAPES)) {
  console.log(
    `\n${name}\n${'flows'.padStart(8)}${'lookup'.padStart(12)}${'walk'.padStart(14)}${'compile'.padStart(13)}${'memory'.padStart(14)}`,
  );
  const times = new Map<number, number>();
  let worst = 0;
  let slowest = 0;
  for (const { count, compile, bytes, lookup, walk, packets } of rows.filter((row) => row.name === name)) {
    // Alternate, and take the best of each, because the machine's speed varies.
    let found = Number.POSITIVE_INFINITY;
    let walked = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURNS; turn++) {
      found = Math.min(found, await nanoseconds(packets, PACKETS, (kind, octets) => lookup.find(key, kind, octets)));
      // Walking 10,000 flows takes long: a sixteenth of the packets is enough.
      walked = Math.min(walked, await nanoseconds(packets, count > 1000 ? PACKETS / 16 : PACKETS, (_, octets) => walk.find(key, octets)));
    }
    times.set(count, found);
    if (count >= 100) worst = Math.max(worst, found / walked);
    slowest = Math.max(slowest, compile);
    console.log(
      `${count.toString().padStart(8)}${found.toFixed(1).padStart(9)} ns${walked.toFixed(1).padStart(11)} ns` +
        `${compile.toFixed(1).padStart(10)} ms${(bytes / 1024).toFixed(1).padStart(10)} KiB`,
    );
  }
  if (name === 'usual') report('10,000 flows relative to 10', times.get(10_000)! / times.get(10)!, 'times', GOAL.growth);
  else report('lookup relative to walk, from 100 flows', worst, 'times', GOAL.hostile);
  report('longest compile time', slowest, 'ms', GOAL.compile);
}

// Memory allocated by lookups: the growth of the used heap without garbage collections. See allocation.bench.ts.
const MILLION = 1_000_000;
const few = rows.filter(({ count }) => count <= 10 || count === 100);
const growth = (lookups: number): number => {
  const before = getHeapStatistics().used_heap_size;
  for (let i = 0; i < lookups; i++) {
    const { lookup, packets } = few[i % few.length]!;
    lookup.find(key, packets.take(i % PACKETS), packets.octets[i % PACKETS]!);
  }
  return getHeapStatistics().used_heap_size - before;
};
growth(MILLION);
const measuring = Math.min(...Array.from({ length: 7 }, () => growth(0)));
console.log();
report('allocated for a million lookups', Math.min(...Array.from({ length: 7 }, () => growth(MILLION))) - measuring, 'octets', 0);

// What it costs to find a packet's flow, beside a walk down the list; to compile the flows; and the memory that they take.

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
/** A lookup among 10,000 flows, beside one among 10; a lookup beside a walk; milliseconds of compiling. */
const GOAL = { growth: 1.5, hostile: 1, compile: 1000 };

/** The packet in hand, as in a program: one key that is filled again and again. */
const key = new PacketKey();

/** Packets whose keys are known, so that nothing but the search is measured. */
class ReadPackets {
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

  /** Puts the key of a packet in hand, and says its kind. */
  take(i: number): Kind {
    for (let word = 0; word < KEY_LENGTH / 4; word++) key.words[word] = this.#words[(KEY_LENGTH / 4) * i + word]!;
    key.family = this.#families[i]!;
    key.transportAt = this.#transports[i]!;
    key.transportLength = 20;
    return this.#kinds[i] as Kind;
  }
}

/** Nanoseconds a packet: the median over many runs of the first `count`. */
async function nanoseconds(packets: ReadPackets, count: number, find: (kind: Kind, octets: Uint8Array) => number): Promise<number> {
  let sum = 0;
  const run = (): void => {
    for (let i = 0; i < count; i++) sum += find(packets.take(i), packets.octets[i]!);
  };
  const { p50 } = await measure(run, { min_cpu_time: 0.1e9 });
  if (Number.isNaN(sum)) throw new Error('a flow is no number');
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
    const packets = new ReadPackets(Array.from({ length: PACKETS }, packet));
    const lookup = new FlowLookup(memory);
    for (let i = 0; i < 100; i++) {
      const kind = packets.take(i);
      const octets = packets.octets[i]!;
      if (lookup.find(key, kind, octets) !== walk.find(key, octets)) throw new Error(`${name}, ${count} flows: lookup and walk differ`);
    }
    return { name, count, compile, bytes: memory.byteLength, lookup, walk, packets };
  }),
);

// In a program all of these pass through the same compiled code: let it see them before one is measured.
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
    // By turns, and the best of each: the machine is not the same from second to second.
    let found = Number.POSITIVE_INFINITY;
    let walked = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < TURNS; turn++) {
      found = Math.min(found, await nanoseconds(packets, PACKETS, (kind, octets) => lookup.find(key, kind, octets)));
      // A walk of 10,000 takes long: a sixteenth of the packets will do.
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
  if (name === 'usual') report('10,000 flows beside 10', times.get(10_000)! / times.get(10)!, 'times', GOAL.growth);
  else report('lookup beside walk, from 100 flows on', worst, 'times', GOAL.hostile);
  report('compiling, at its longest', slowest, 'ms', GOAL.compile);
}

// What finding a flow allocates: the used heap grows by that as long as nothing is collected. See allocation.bench.ts.
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

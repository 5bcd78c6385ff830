// Any octets in a target table's memory, where any program of its user may write, at any time: whoever reads or writes it goes on, by targets that it has
// had; and the next proper change is seen as it was made.

import { Balancer } from '../balancer.js';
import { CoreError } from '../core-error.js';
import { DROP } from '../packet-batch.js';
import { packet } from '../packet-builder/index.js';
import type { FuzzInput } from '../testing/fuzz-input.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { ConnectionSet } from '../transition/connection-set.js';
import { ETH_P_IP } from '../wire/ethertype.js';
import { FwmarkLookup } from './fwmark-lookup.js';
import { EXT_GENERATION, layoutOf } from './layout.js';
import { MAX_FWMARK, type Target, TargetTable } from './target-table.js';

const MAX_STEPS = 40;
const FWMARKS = [101, 102, 103, 104, MAX_FWMARK];
const WORDS = [0, 1, -1, 2, 5, 7, 23, 101, 104, 0x7fffffff, -0x80000000, 0x7ff00000, 0x7ff80000, 0x41d00000];
const packets = Array.from({ length: 8 }, (_, i) =>
  packet()
    .ipv4('10.0.0.2', '10.0.0.1')
    .tcp(1000 + i, 80, { flags: i & 1 ? 0x10 : 0x02 })
    .build(),
);

/** The result, or nothing if it was refused as a user's error is. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof CoreError)) throw error;
    isTrue('a refusal of one line', !error.message.includes('\n') && error.message.length < 300, error.message);
    return undefined;
  }
}

function some(input: FuzzInput): Target[] {
  const bits = input.below(32);
  return FWMARKS.filter((_, i) => (bits >> i) & 1).map((fwmark) => ({ fwmark, weight: input.pick([1, 1, 2, 0]) }));
}

const target: FuzzTarget = {
  run(input) {
    const size = {
      ...{ M: input.pick([5, 7, 23]), N: 5, permutation: input.pick(['fwmark', 'nfqlb'] as const) },
      hashKey: input.flag() ? HASH_KEY : undefined,
    };
    const memory = new SharedArrayBuffer(TargetTable.byteLength(size));
    const made = TargetTable.create(memory, size);
    made.setTargets([{ fwmark: 101 }, { fwmark: 102 }]);
    const words = new Int32Array(memory);
    const kept = { idle: 100, connections: 64 };
    const connections = new ConnectionSet(ConnectionSet.createMemory(kept, HASH_KEY), kept);
    const lookup = new FwmarkLookup(made, connections);
    const balancer = new Balancer(lookup, { connections });
    // All that has ever been where targets are.
    const { formerTargets } = made;
    const places = [made.active, formerTargets!.former, formerTargets!.draining];
    const ever = new Set<number>([DROP]);
    const remember = (): void => {
      for (const place of places) for (const fwmark of place) ever.add(fwmark);
    };
    remember();
    const generation = layoutOf(made.M, made.N).extension / 4 + EXT_GENERATION;
    const read = (reader: Balancer): void => {
      reader.refresh();
      for (const octets of packets) {
        const fwmark = reader.decide(octets, 0, octets.length, ETH_P_IP);
        isTrue('a target that the table has had', ever.has(fwmark), fwmark);
        input.note(balancer.reason);
      }
    };
    for (let steps = input.below(MAX_STEPS); steps > 0 && input.left > 0; steps--) {
      const what = input.below(8);
      if (what < 3) {
        // Another program writes a word or a few: most of what matters is at the beginning, and behind the permutations.
        const at = (input.flag() ? input.u8() : input.u16()) % words.length;
        const value = input.flag() ? input.pick(WORDS) : input.u32() | 0;
        for (let i = at; i < Math.min(words.length, at + 1 + input.below(4)); i++) words[i] = value;
      } else if (what === 3) {
        // It takes a copy, or a part of it, to another place.
        const [from, to] = [input.u16() % words.length, input.u16() % words.length];
        words.copyWithin(to, from, from + input.u8());
      } else if (what === 7) {
        // Or it changes the lookup as a writer would, but to anything.
        for (let changes = input.below(4); changes >= 0; changes--) made.lookup[input.u8() % made.M] = input.pick(WORDS);
        words[generation]! += 2;
      } else if (what === 4) connections.now += input.pick([0, 1, 1000, 40_000, 1e8]);
      else if (what === 5) {
        const opened = attempt(() => TargetTable.open(memory));
        if (opened) {
          attempt(() => new FwmarkLookup(opened, connections));
          isTrue('all that is in it', opened.fwmarks.length <= opened.N && opened.draining.length <= opened.N);
          isTrue(
            'weights',
            opened.slots.every((slot) => slot === undefined || (slot.weight >= 0 && slot.weight <= 65535)),
          );
          isTrue('a drain', Number.isInteger(opened.drain) && opened.drain >= 0 && opened.drain <= 86_400, opened.drain);
          opened.bucketsInTransition(connections.now);
        }
      } else if (what === 6) {
        const drain = { now: connections.now, seconds: input.pick([0, 0, 30]) };
        const writer = attempt(() => TargetTable.open(memory));
        const opened = writer ?? made;
        const kind = input.below(3);
        if (kind === 0) attempt(() => opened.activate(some(input).slice(0, 2), drain));
        else if (kind === 1) attempt(() => opened.deactivate([input.pick(FWMARKS)], drain));
        else attempt(() => opened.setTargets(some(input), drain));
      }
      remember();
      read(balancer);
    }
    // The next proper change.
    if (!made.intact) return;
    const wanted = some(input);
    const changed = attempt(() => {
      made.setTargets(wanted);
      return true;
    });
    if (!changed) return;
    remember();
    read(balancer);
    same('its targets', [...made.fwmarks].sort(), wanted.map(({ fwmark }) => fwmark).sort());
    if (size.permutation !== 'fwmark') return;
    const clean = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
    clean.setTargets(wanted);
    same('the lookup of an untouched table', [...lookup.fwmarks], [...new FwmarkLookup(clean).fwmarks]);
  },
};
export default target;

// What another thread may do between two steps of this one, one case after the other. threads.test.ts has real threads, which rarely meet so closely.

import { afterEach, describe, expect, test, vi } from 'vitest';
import { PacketKey } from '../key/packet-key.js';
import { FormerTargets } from '../maglev/former-targets.js';
import { FwmarkLookup } from '../maglev/fwmark-lookup.js';
import { TargetTable } from '../maglev/target-table.js';
import { randomNumbers } from '../testing/random-numbers.js';
import { ConnectionSet, Mark, UNKNOWN } from './connection-set.js';
import { FWMARK, HASH, HEADER, KEYED, PLACE_WORDS, setsFor, TAKEN, tablesFrom, USE } from './layout.js';

const OPTIONS = { connections: 8, idle: 100 };
const PLACES_END = tablesFrom(setsFor(OPTIONS.connections));

afterEach(() => vi.restoreAllMocks());

/** Two threads with the same memory, and two connections that want the same place. */
function threads(): {
  readonly words: Int32Array;
  readonly one: ConnectionSet;
  readonly other: ConnectionSet;
  readonly old: PacketKey;
  readonly young: PacketKey;
} {
  const memory = ConnectionSet.createMemory(OPTIONS, [1, 2]);
  const words = new Int32Array(memory);
  const [one, other] = [new ConnectionSet(memory, OPTIONS), new ConnectionSet(memory, OPTIONS)];
  const random = randomNumbers(1);
  const placeOf = (key: PacketKey): number => {
    find(one, key);
    one.remember(1, Mark.Open);
    const place = placeTaken(words);
    find(one, key);
    one.forget();
    return place;
  };
  const old = randomKey(random);
  let young = randomKey(random);
  while (placeOf(young) !== placeOf(old)) young = randomKey(random);
  return { words, one, other, old, young };
}

function randomKey(random: () => number): PacketKey {
  const key = new PacketKey();
  key.family = 4;
  key.words[3] = random() | 0;
  key.words[8] = 6 << 16;
  key.words[9] = random() | 0;
  return key;
}

const find = (set: ConnectionSet, key: PacketKey): number => set.find(key, key.hashAll(), false, 0);

function placeTaken(words: Int32Array): number {
  return words.findIndex((use, i) => i >= HEADER && i < PLACES_END && (i - HEADER) % PLACE_WORDS === USE && use !== 0) - USE;
}

function remember(set: ConnectionSet, key: PacketKey, fwmark: number, mark: Mark): void {
  expect(find(set, key)).toBe(UNKNOWN);
  expect(set.remember(fwmark, mark)).toBe(true);
}

test('whatever mixture of two connections a reader sees while its place is filled anew, it takes neither for the other', () => {
  const { words, one, other, old, young } = threads();
  remember(one, old, 101, Mark.Open);
  const place = placeTaken(words);
  const before = words.slice(place, place + PLACE_WORDS);
  find(one, old);
  one.forget();
  remember(one, young, 102, Mark.Begun);
  expect(placeTaken(words)).toBe(place);
  const after = words.slice(place, place + PLACE_WORDS);
  const uses = [before[USE]!, 0, after[USE]!];
  const seen = new Set<string>();
  for (let mixture = 0; mixture < 8; mixture++) {
    for (const use of uses) {
      for (const word of [KEYED, HASH, FWMARK]) words[place + word] = ((mixture >>> word) & 1 ? after : before)[word]!;
      words[place + USE] = use;
      const answers = [find(other, old), find(other, young)];
      seen.add(answers.join());
      expect([UNKNOWN, 101]).toContain(answers[0]);
      expect([UNKNOWN, 102]).toContain(answers[1]);
    }
  }
  expect([...seen].sort()).toEqual(['-1,-1', '-1,102', '101,-1']);
});

describe('between finding a connection and the next step, another thread replaces it', () => {
  function replaced(by: Mark = Mark.Begun): ReturnType<typeof threads> & { readonly place: number } {
    const all = threads();
    const { words, one, other, old, young } = all;
    remember(one, old, 101, Mark.Open);
    const place = placeTaken(words);
    expect(find(one, old)).toBe(101);
    find(other, old);
    other.forget();
    other.now = 5000;
    one.now = 5000;
    remember(other, young, 102, by);
    expect(placeTaken(words)).toBe(place);
    return { ...all, place };
  }

  test.each<[string, (set: ConnectionSet) => void]>([
    ['noting a packet', (set) => set.use(Mark.Closing)],
    ['forgetting it', (set) => set.forget()],
  ])('%s changes nothing', (_name, step) => {
    const { words, one, other, young, place } = replaced();
    const before = words.slice(place, place + PLACE_WORDS);
    step(one);
    expect(words.slice(place, place + PLACE_WORDS)).toEqual(before);
    expect(words[TAKEN]).toBe(1);
    expect(find(other, young)).toBe(102);
    expect(other.isOver).toBe(false);
  });

  test('it is what was found that seems to be over or not', () => {
    expect(replaced(Mark.Closing).one.isOver).toBe(false);
    const { one } = replaced();
    one.now = 34_000;
    expect(one.isOver).toBe(true);
  });
});

test('a sweep does not free a connection that another thread uses meanwhile', () => {
  const { one, other, old } = threads();
  remember(one, old, 101, Mark.Open);
  one.sweep(0, () => {
    other.now = 5000;
    expect(find(other, old)).toBe(101);
    other.use(Mark.Open);
    return false;
  });
  expect(find(one, old)).toBe(101);
  expect(one.counts.remembered).toBe(1);
});

test('nor one that another thread has put in the place of an expired one', () => {
  const { words, one, other, old, young } = threads();
  remember(one, old, 101, Mark.Open);
  const { compareExchange } = Atomics;
  one.now = 200_000;
  other.now = 200_000;
  const spy = vi.spyOn(Atomics, 'compareExchange').mockImplementation((...args: Parameters<typeof compareExchange>) => {
    spy.mockRestore();
    remember(other, young, 102, Mark.Begun);
    return compareExchange(...args);
  });
  one.sweep(0, () => true);
  expect(find(other, young)).toBe(102);
  expect(words[TAKEN]).toBe(1);
});

describe('a reader at every step of a writer, and a writer at every step of a reader', () => {
  const SIZE = { M: 97, N: 8 };
  const targets = (...fwmarks: number[]): { fwmark: number }[] => fwmarks.map((fwmark) => ({ fwmark }));
  const BEFORE = targets(101, 102, 103);
  const AFTER = targets(102, 104);
  const DRAIN = { now: 0, seconds: 30 };

  interface World {
    readonly table: TargetTable;
    readonly lookup: FwmarkLookup;
  }
  function world(): World {
    const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
    table.setTargets(BEFORE);
    const connections = new ConnectionSet(ConnectionSet.createMemory(OPTIONS, [1, 2]), OPTIONS);
    return { table, lookup: new FwmarkLookup(table, connections) };
  }
  /** What a reader knows: the target of each bucket, and its former one. */
  const known = ({ lookup }: World): string =>
    JSON.stringify([[...lookup.fwmarks], [...(lookup.transitions?.former ?? [])], [...lookup.steady]]);
  const change = ({ table }: World): void => table.setTargets(AFTER, DRAIN);

  const before = known(world());
  const changed = world();
  change(changed);
  changed.lookup.refresh();
  const after = known(changed);

  /** Runs `action`, and `meanwhile` before the `step`th atomic operation or reading of former targets in it. Returns whether there are that many. */
  function interrupted(step: number, action: () => void, meanwhile: () => void): boolean {
    let operations = 0;
    const take = (): void => {
      if (operations++ !== step) return;
      vi.restoreAllMocks();
      meanwhile();
    };
    for (const name of ['load', 'store', 'add', 'or', 'compareExchange'] as const) {
      const original = Atomics[name] as (...args: unknown[]) => number;
      vi.spyOn(Atomics, name).mockImplementation(((...args: unknown[]) => {
        take();
        return original(...args);
      }) as never);
    }
    const { get } = Object.getOwnPropertyDescriptor(FormerTargets.prototype, 'latest')!;
    vi.spyOn(FormerTargets.prototype, 'latest', 'get').mockImplementation(function (this: FormerTargets) {
      take();
      return get!.call(this) as number;
    });
    action();
    vi.restoreAllMocks();
    return operations > step;
  }

  test('the reader knows one table or the other, and in the end the new one', () => {
    let step = 0;
    for (; ; step++) {
      const it = world();
      const isReached = interrupted(
        step,
        () => change(it),
        () => {
          it.lookup.refresh();
          expect([step, known(it)]).toEqual([step, before]);
        },
      );
      it.lookup.refresh();
      expect([step, known(it)]).toEqual([step, after]);
      if (!isReached) break;
    }
    // One for each bucket that changes, and for each slot.
    expect(step).toBeGreaterThan(30);
  });

  test('the writer at every step of the reader', () => {
    let step = 0;
    for (; ; step++) {
      const it = world();
      // So that there is something to read.
      it.table.setTargets(targets(101));
      it.table.setTargets(BEFORE);
      const isReached = interrupted(
        step,
        () => it.lookup.refresh(),
        () => change(it),
      );
      if (isReached) expect([step, [before, after].includes(known(it))]).toEqual([step, true]);
      it.lookup.refresh();
      if (!isReached) break;
      expect([step, known(it)]).toEqual([step, after]);
    }
    expect(step).toBeGreaterThan(SIZE.M);
  });
});

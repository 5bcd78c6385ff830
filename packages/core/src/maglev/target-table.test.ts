import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { CoreError } from '../core-error.js';
import { fwmark, M as primes } from '../testing/arbitraries.js';
import { runs } from '../testing/runs.js';
import { EXT_GENERATION, EXT_VERSION, layoutOf } from './layout.js';
import { type PermutationKind, Permutations } from './permutation.js';
import { type TableOptions, TargetTable } from './target-table.js';

/** A table that C nfqlb built with these commands; see test-data/README.md. */
interface TableVector {
  readonly requestedM: number;
  readonly M: number;
  readonly N: number;
  readonly own: number;
  readonly ops: readonly (['activate' | 'deactivate', number[]] | ['activateIndex', number, number] | ['deactivateIndex', number])[];
  readonly active: number[];
  readonly size: number;
  readonly lookup?: number[];
  readonly lookupSha256?: string;
  readonly perm?: readonly [number, number][];
}

const read = (name: string): TableVector[] =>
  JSON.parse(readFileSync(new URL(`../../test-data/vectors/${name}.json`, import.meta.url), 'utf8')) as TableVector[];
const vectors = [...read('maglev'), ...read('maglev-large')];

function create(options: TableOptions): TargetTable & { memory: ArrayBuffer } {
  const memory = new ArrayBuffer(TargetTable.byteLength(options));
  return Object.assign(TargetTable.create(memory, options), { memory });
}

const active = ({ fwmarks }: TargetTable): number[] => fwmarks;
/** Fwmark by bucket. */
const chosen = (table: TargetTable): number[] => [...table.lookup].map((slot) => (slot < 0 ? -1 : table.active[slot]!));

describe('kind nfqlb', () => {
  test.each(vectors.filter(({ M }) => M <= 65537).map((vector, i) => [i, vector] as const))(
    'vector %i: the table that C nfqlb built',
    (_i, vector) => {
      const table = create({ M: vector.requestedM, N: vector.N, ownFwmark: vector.own, permutation: 'nfqlb' });
      for (const [op, ...args] of vector.ops) {
        if (op === 'activateIndex') table.activateAt(args[0] as number, { fwmark: args[1] as number });
        else if (op === 'deactivateIndex') table.deactivateAt(args[0] as number);
        else if (op === 'deactivate') table.deactivate(args[0] as number[]);
        else for (const mark of args[0] as number[]) activateIfRoom(table, mark);
      }
      expect([table.M, table.N, table.ownFwmark]).toEqual([vector.M, vector.N, vector.own]);
      expect(layoutOf(table.M, table.N).cSize).toBe(vector.size);
      expect([...table.active]).toEqual(vector.active);
      if (vector.lookup) expect([...table.lookup]).toEqual(vector.lookup);
      else
        expect(
          createHash('sha256')
            .update(Uint8Array.from(new Uint8Array(table.memory, 16, 4 * table.M)))
            .digest('hex'),
        ).toBe(vector.lookupSha256);
      vector.perm?.forEach(([offset, skip], slot) => {
        const row = new Uint32Array(table.memory, 16 + 4 * table.M * (slot + 1), 2);
        expect([...row]).toEqual([offset, (offset + skip) % table.M]);
      });
    },
  );

  test('is refused above M = 65537, where its rows would not be permutations', () => {
    for (const { requestedM, N } of vectors.filter(({ M }) => M > 65537)) {
      expect(() => create({ M: requestedM, N, permutation: 'nfqlb' })).toThrow(/^M=\d+: permutation kind nfqlb goes up to M=65537/);
    }
  });

  test('refuses unequal weights', () => {
    const table = create({ M: 97, N: 4, permutation: 'nfqlb' });
    expect(() => table.activate([{ fwmark: 1 }, { fwmark: 2, weight: 2 }])).toThrow(/unequal weights/);
    expect(active(table)).toEqual([]);
    table.activate([
      { fwmark: 1, weight: 3 },
      { fwmark: 2, weight: 3 },
    ]);
    expect(active(table)).toEqual([1, 2]);
  });

  /** C nfqlb silently ignores a target if no slot is free. */
  function activateIfRoom(table: TargetTable, mark: number): void {
    if (table.active.includes(mark) || table.active.includes(-1)) table.activate([{ fwmark: mark }]);
    else expect(() => table.activate([{ fwmark: mark }])).toThrow(/no free slot/);
  }
});

/** A table as C nfqlb left it in shared memory, octet for octet; see test-data/README.md. */
function madeByC(): ArrayBuffer {
  return new Uint8Array(readFileSync(new URL('../../test-data/tables/m101-n5.bin', import.meta.url))).buffer;
}

describe('a table made by C nfqlb', () => {
  test('is read as kind nfqlb with weights 1 and no generation', () => {
    const table = TargetTable.open(madeByC());
    expect(table).toMatchObject({ M: 101, N: 5, ownFwmark: 103, permutation: 'nfqlb', generation: undefined });
    expect([...table.active]).toEqual([101, -1, 103, 2147483647, -1]);
    expect([...table.lookup.slice(0, 25)]).toEqual([3, 2, 3, 0, 0, 3, 2, 0, 3, 3, 0, 0, 3, 3, 2, 2, 0, 3, 0, 0, 2, 0, 2, 2, 0]);
    expect([0, 1, 2, 3, 4].map((slot) => table.weightOf(slot))).toEqual([1, 0, 1, 1, 0]);
  });

  test('is identical to the beginning of one created here with the same commands', () => {
    const table = create({ M: 101, N: 5, ownFwmark: 103, permutation: 'nfqlb' });
    table.activate([101, 102, 103, 2147483647].map((mark) => ({ fwmark: mark })));
    table.deactivate([102]);
    expect(Buffer.from(table.memory).subarray(0, 2472).equals(Buffer.from(madeByC()))).toBe(true);
  });

  test('can be changed here, but only with weight 1', () => {
    const table = TargetTable.open(madeByC());
    table.activate([{ fwmark: 104 }]);
    const same = create({ M: 101, N: 5, permutation: 'nfqlb' });
    same.activate([101, 104, 103, 2147483647].map((mark) => ({ fwmark: mark })));
    expect([...table.active]).toEqual([101, 104, 103, 2147483647, -1]);
    expect([...table.lookup]).toEqual([...same.lookup]);
    expect(() => table.activate([{ fwmark: 101, weight: 2 }])).toThrow(/unequal weights/);
  });

  test('keeps its size and rows when changed here', () => {
    const memory = madeByC();
    TargetTable.open(memory).deactivateAt(0);
    const rows = (buffer: ArrayBuffer): string => Buffer.from(buffer, 16 + 4 * 101, 4 * 101 * 5).toString('hex');
    expect(memory.byteLength).toBe(2472);
    expect(rows(memory)).toBe(rows(madeByC()));
  });
});

describe('draining', () => {
  const DRAIN = { now: 1000, seconds: 30 };

  /** A table as version 1 created it: it ends before the transitions. */
  function version1(): ArrayBuffer {
    const table = create({ M: 97, N: 4 });
    extensionOf(table)[EXT_VERSION] = 1;
    return table.memory.slice(0, layoutOf(97, 4).size1);
  }

  test.each([
    ['C nfqlb', madeByC],
    ['an older version', version1],
  ])('is refused in a table made by %s, which can be changed without', (_name, make) => {
    const table = TargetTable.open(make());
    expect(() => table.activate([{ fwmark: 7 }], DRAIN)).toThrow(
      /^connections cannot be drained in this table: it was created by C nfqlb or/,
    );
    expect(() => Object.assign(table, { drain: 30 })).toThrow(/cannot be drained/);
    expect(active(table)).not.toContain(7);
    table.activate([{ fwmark: 7 }], { now: 1000, seconds: 0 });
    expect(active(table)).toContain(7);
    expect(table).toMatchObject({ drain: 0, draining: [] });
  });

  test.each<PermutationKind>(['fwmark', 'nfqlb'])('changes nothing of what C nfqlb reads, or of the generations (%s)', (permutation) => {
    const tables = [1, 2].map(() => create({ M: 97, N: 4, permutation }));
    tables.forEach((table, i) => {
      const drain = i === 0 ? undefined : DRAIN;
      table.activate([{ fwmark: 1 }, { fwmark: 2 }, { fwmark: 3 }], drain);
      table.deactivate([2], drain);
      table.setTargets([{ fwmark: 9 }], drain);
    });
    const [cut, drained] = tables.map(({ memory, generation }) => [
      generation,
      Buffer.from(memory, 0, layoutOf(97, 4).cSize).toString('hex'),
    ]);
    expect(drained).toEqual(cut);
  });

  test('has a default for each table', () => {
    const table = create({ M: 97, N: 4, drain: 30 });
    expect(TargetTable.open(table.memory).drain).toBe(30);
    table.drain = 60;
    expect(TargetTable.open(table.memory).drain).toBe(60);
    for (const drain of [-1, 0.5, 86_401])
      expect(() => create({ M: 97, N: 4, drain })).toThrow(`drain ${drain}: must be a whole number from 0 to 86400`);
  });
});

describe('kind fwmark', () => {
  const targets = fc.uniqueArray(fc.record({ fwmark, weight: fc.integer({ min: 1, max: 4 }) }), {
    minLength: 1,
    maxLength: 10,
    selector: (target) => target.fwmark,
  });

  test('a table depends only on the set of targets: not on their order, their slots or earlier targets', () => {
    fc.assert(
      fc.property(
        primes.filter((M) => M >= 23),
        targets,
        fc.infiniteStream(fc.nat(1000)),
        (M, all, random) => {
          const ordered = create({ M, N: 22 });
          ordered.activate(all);
          const wild = create({ M, N: 22 });
          const draw = (): number => random.next().value as number;
          // Some final targets with other weights, and some other targets, but none in two slots.
          for (let i = 0; i < 5; i++) {
            const mark = i % 2 === 0 ? draw() : all[draw() % all.length]!.fwmark;
            if (!wild.active.includes(mark)) wild.activateAt(draw() % 22, { fwmark: mark, weight: 1 + (draw() % 9) });
          }
          wild.deactivateAt(draw() % 22);
          for (const target of all.toSorted(() => draw() - 500)) wild.activate([target]);
          wild.deactivate([...wild.active].filter((mark) => !all.some((target) => target.fwmark === mark)));
          expect(new Set(active(wild))).toEqual(new Set(all.map((target) => target.fwmark)));
          expect(chosen(wild)).toEqual(chosen(ordered));
        },
      ),
      { numRuns: runs(300) },
    );
  });

  test('rows are always permutations, for C nfqlb, which may change the table; for an active slot, that of its fwmark', () => {
    const table = create({ M: 31, N: 5 });
    table.activate([{ fwmark: 7 }, { fwmark: 8 }]);
    table.deactivate([7]);
    const rows = Array.from({ length: 5 }, (_, slot) => new Uint32Array(table.memory, 16 + 4 * 31 * (slot + 1), 31));
    for (const row of rows) expect(new Set(row).size).toBe(31);
    const expected = new Permutations(31, 1);
    expected.setFwmark(0, 8);
    const row = new Uint32Array(31);
    expected.fillRow(0, row);
    expect(rows[1]).toEqual(row);
  });
});

describe('changes', () => {
  test('an active target keeps its slot, and deactivating an inactive one is no error', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1 }, { fwmark: 2 }, { fwmark: 3 }]);
    table.deactivate([2, 99]);
    table.activate([{ fwmark: 3 }, { fwmark: 4 }]);
    expect([...table.active]).toEqual([1, 4, 3, -1]);
  });

  test('increment the generation by 2, but only if something changes', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1 }]);
    expect(table.generation).toBe(2);
    table.activate([{ fwmark: 1 }]);
    expect(table.generation).toBe(2);
    table.activate([{ fwmark: 1, weight: 5 }]);
    expect(table.generation).toBe(4);
  });

  test('that do not fit change nothing', () => {
    const table = create({ M: 97, N: 2 });
    expect(() => table.activate([{ fwmark: 1 }, { fwmark: 2 }, { fwmark: 3 }])).toThrow('no free slot for fwmark 3: all 2 are taken');
    expect(active(table)).toEqual([]);
  });

  test('leave no bucket without a target at any moment, for C nfqlb, which reads slots and lookup for each packet', () => {
    const table = create({ M: 97, N: 8 });
    table.activate([{ fwmark: 1 }, { fwmark: 2 }, { fwmark: 3 }]);
    let moments = 0;
    const { store } = Atomics;
    const stores = vi.spyOn(Atomics, 'store').mockImplementation((...args) => {
      store(...args);
      moments++;
      if (chosen(table).includes(-1)) expect.fail(`a bucket without a target after store ${moments}`);
      return args[2];
    });
    try {
      table.activate([{ fwmark: 4 }, { fwmark: 5, weight: 7 }]);
      table.deactivate([1, 3]);
      table.activateAt(1, { fwmark: 6 });
      table.deactivateAt(3);
    } finally {
      stores.mockRestore();
    }
    expect(moments).toBeGreaterThan(100);
    expect(active(table)).toEqual([6, 5]);
  });

  test('left incomplete by a killed writer are completed by the next one, even if it changes nothing', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1 }, { fwmark: 2 }]);
    const whole = [...table.lookup];
    table.lookup.fill(0, 0, 50);
    extensionOf(table)[EXT_GENERATION] = 3;
    expect(table.generation).toBe(3);
    table.activate([{ fwmark: 1 }]);
    expect([...table.lookup]).toEqual(whole);
    expect(table.generation).toBe(4);
  });

  test('reset a weight when the target is activated without one', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1, weight: 9 }, { fwmark: 2 }]);
    table.activate([{ fwmark: 1 }]);
    expect(table.weightOf(0)).toBe(1);
    expect(shares(table)).toEqual([49, 48]);
  });

  test('to weight 0 keep the target’s slot, but leave it no bucket', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1, weight: 0 }, { fwmark: 2 }]);
    expect([...table.active]).toEqual([1, 2, -1, -1]);
    expect(shares(table)).toEqual([0, 97]);
  });

  test('by C nfqlb do not pass a weight on to the next target of a slot', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1, weight: 9 }]);
    table.active[0] = 2;
    expect(table.weightOf(0)).toBe(1);
  });
});

/** Number of buckets by active target. */
const shares = (table: TargetTable): number[] => active(table).map((mark) => chosen(table).filter((choice) => choice === mark).length);

const extensionOf = ({ M, N, memory }: TargetTable & { memory: ArrayBuffer }): Int32Array =>
  new Int32Array(memory, layoutOf(M, N).extension, 64);

describe('bad input', () => {
  test.each([
    ['N > M', { M: 7, N: 8 }, 'N 8: must be a whole number from 1 to 7'],
    ['N > M, which was lowered', { M: 10, N: 20 }, 'N 20: must be a whole number from 1 to 7, since M=10 is adjusted to 7'],
    ['N > M, which was raised', { M: 0, N: 32 }, 'N 32: must be a whole number from 1 to 3, since M=0 is adjusted to 3'],
    ['no slot', { M: 7, N: 0 }, 'N 0: must be a whole number from 1 to 7'],
    ['M below 0', { M: -1, N: 1 }, 'M -1: must be a whole number from 0 to 4294967295'],
    ['M not whole', { M: 7.5, N: 1 }, 'M 7.5: must be a whole number from 0 to 4294967295'],
    ['M not a number', { M: Number.NaN, N: 1 }, 'M NaN: must be a whole number from 0 to 4294967295'],
    ['own fwmark below 0', { M: 7, N: 1, ownFwmark: -1 }, 'ownFwmark -1: must be a whole number from 0 to 2147483647'],
    ['more than 4 GiB', { M: 993997, N: 2000 }, 'M=993997, N=2000: a table takes at most 4 GiB'],
  ])('%s is refused', (_name, options, message) => {
    expect(() => TargetTable.byteLength(options)).toThrow(message);
  });

  test('M is lowered to a prime, and kept between 3 and 993997', () => {
    for (const [requested, M] of [
      [0, 3],
      [1000, 997],
      [994009, 993997],
      [4294967295, 993997],
    ] as const) {
      expect(create({ M: requested, N: 1 }).M).toBe(M);
    }
  });

  test.each([-1, 2 ** 31, 1.5, Number.NaN])('fwmark %d is refused', (mark) => {
    expect(() => create({ M: 7, N: 1 }).activate([{ fwmark: mark }])).toThrow(/^fwmark .*: must be a whole number from 0 to 2147483647$/);
  });

  test.each([-1, 65536, 0.5])('weight %d is refused', (weight) => {
    expect(() => create({ M: 7, N: 1 }).activate([{ fwmark: 1, weight }])).toThrow(/^weight .*: must be a whole number from 0 to 65535$/);
  });

  test('slot N is refused', () => {
    expect(() => create({ M: 7, N: 3 }).activateAt(3, { fwmark: 1 })).toThrow('index 3: must be a whole number from 0 to 2');
    expect(() => create({ M: 7, N: 3 }).deactivateAt(-1)).toThrow('index -1: must be a whole number from 0 to 2');
  });

  test('memory without a table, or with only a part of one, is refused', () => {
    const good = create({ M: 7, N: 3 });
    for (let length = 0; length < 152; length++) {
      expect(() => TargetTable.open(good.memory.slice(0, length))).toThrow(/not a target table/);
    }
    expect(() => TargetTable.open(new ArrayBuffer(4096))).toThrow('not a target table: M=0, N=0');
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 400 }), (bytes) => {
        expect(() => TargetTable.open(bytes.slice().buffer)).toThrow(/not a target table/);
      }),
    );
  });

  test('a table whose length is inconsistent with its M and N, or whose M is not a prime, is refused', () => {
    for (const [word, value] of [
      [1, 8],
      [1, 0],
      [2, 0],
      [2, 4],
      [2, 0xffffffff],
      [3, 147],
    ] as const) {
      const { memory } = create({ M: 7, N: 3 });
      new Uint32Array(memory)[word] = value;
      expect(() => TargetTable.open(memory)).toThrow(/not a target table/);
    }
  });

  test('a table of a later version is refused, not misread', () => {
    const table = create({ M: 7, N: 3 });
    extensionOf(table)[EXT_VERSION] = 4;
    expect(() => TargetTable.open(table.memory)).toThrow('a target table of version 4; this program knows versions 1 to 3');
  });

  test('errors have stable codes', () => {
    const codeOf = (action: () => unknown): string | undefined => {
      try {
        action();
      } catch (error) {
        return error instanceof CoreError ? error.code : 'no CoreError';
      }
      return undefined;
    };
    const full = create({ M: 7, N: 1 });
    full.activate([{ fwmark: 1 }]);
    expect(codeOf(() => full.activate([{ fwmark: 2 }]))).toBe('no-free-slot');
    expect(codeOf(() => full.activate([{ fwmark: -1 }]))).toBe('out-of-range');
    expect(codeOf(() => create({ M: 100_000, N: 1, permutation: 'nfqlb' }))).toBe('conflict');
    expect(codeOf(() => TargetTable.open(new ArrayBuffer(8)))).toBe('not-a-table');
  });
});

describe('all targets at once', () => {
  const slotted = (table: TargetTable): (string | undefined)[] => table.slots.map((slot) => slot && `${slot.fwmark}:${slot.weight}`);

  test('remaining targets keep their slots, new ones take the first free ones', () => {
    const table = create({ M: 97, N: 4 });
    table.activate([{ fwmark: 1 }, { fwmark: 2 }, { fwmark: 3, weight: 5 }]);
    table.setTargets([{ fwmark: 9, weight: 2 }, { fwmark: 3 }, { fwmark: 2 }]);
    expect(slotted(table)).toEqual(['9:2', '2:1', '3:1', undefined]);
  });

  test('are set in one step: the result is the same lookup', () => {
    const targets = [{ fwmark: 7 }, { fwmark: 8, weight: 3 }];
    const [at, whole] = [create({ M: 97, N: 4 }), create({ M: 97, N: 4 })];
    whole.activate(targets);
    at.activate([{ fwmark: 1 }, { fwmark: 2 }]);
    const before = at.generation!;
    at.setTargets(targets);
    expect(at.generation).toBe(before + 2);
    expect(chosen(at)).toEqual(chosen(whole));
  });

  test('a target that was put into two slots has one afterwards, and one share', () => {
    const table = create({ M: 97, N: 4 });
    table.activateAt(0, { fwmark: 7 });
    table.activateAt(2, { fwmark: 7 });
    table.activateAt(3, { fwmark: 8 });
    table.setTargets([{ fwmark: 7 }, { fwmark: 8 }]);
    expect(active(table)).toEqual([7, 8]);
    expect(Math.abs(shares(table)[0]! - shares(table)[1]!)).toBeLessThanOrEqual(1);
  });

  test('if there are more targets than slots, nothing changes', () => {
    const table = create({ M: 97, N: 2 });
    table.activate([{ fwmark: 1 }]);
    expect(() => table.setTargets([{ fwmark: 2 }, { fwmark: 3 }, { fwmark: 4 }])).toThrow('no free slot for fwmark 4: all 2 are taken');
    expect(slotted(table)).toEqual(['1:1', undefined]);
  });

  test('slots can be restored', () => {
    const table = create({ M: 97, N: 4, permutation: 'nfqlb' });
    table.activateAt(2, { fwmark: 5 });
    table.activateAt(0, { fwmark: 6 });
    const [slots, lookup] = [table.slots, [...table.lookup]];
    table.setTargets([{ fwmark: 1 }]);
    table.setSlots(slots);
    expect(slotted(table)).toEqual(['6:1', undefined, '5:1', undefined]);
    expect([...table.lookup]).toEqual(lookup);
    expect(() => table.setSlots([...slots, { fwmark: 1 }])).toThrow('index 4: must be a whole number from 0 to 3');
  });
});

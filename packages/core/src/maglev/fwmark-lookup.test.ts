import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FwmarkLookup } from './fwmark-lookup.js';
import { EXT_GENERATION, layoutOf } from './layout.js';
import { MAX_WEIGHT, type TableOptions, TargetTable } from './target-table.js';

const OPTIONS: TableOptions = { M: 997, N: 16 };

function create(options: TableOptions = OPTIONS): TargetTable {
  return TargetTable.create(new SharedArrayBuffer(TargetTable.byteLength(options)), options);
}

/** The lookup of a table with these fwmarks, by slot (−1 for none), without concurrent changes. */
function lookupOf(slots: readonly number[], options: TableOptions = OPTIONS): string {
  const table = create(options);
  slots.forEach((fwmark, slot) => {
    if (fwmark >= 0) table.activateAt(slot, { fwmark });
  });
  return new FwmarkLookup(table).fwmarks.join();
}

test('chooses the fwmark of bucket hash mod M', () => {
  const table = create();
  table.activate([{ fwmark: 7 }]);
  const lookup = new FwmarkLookup(table);
  expect(lookup.choose(0)).toBe(7);
  expect(lookup.choose(0xffffffff)).toBe(7);
});

test('changes only at refresh, which reports it', () => {
  const table = create();
  const lookup = new FwmarkLookup(table);
  table.activate([{ fwmark: 7 }]);
  expect(lookup.choose(1)).toBe(-1);
  expect(lookup.refresh()).toBe(true);
  expect(lookup.choose(1)).toBe(7);
  expect(lookup.refresh()).toBe(false);
});

test('adopts a changed weight', () => {
  const table = create();
  table.activate([{ fwmark: 7 }, { fwmark: 8 }]);
  const lookup = new FwmarkLookup(table);
  table.activate([{ fwmark: 8, weight: 3 }]);
  lookup.refresh();
  expect(lookup.fwmarks.filter((fwmark) => fwmark === 8)).toHaveLength(748);
});

describe('a table that another program rewrites in place after it was opened', () => {
  const memory = (): SharedArrayBuffer => new SharedArrayBuffer(TargetTable.byteLength(OPTIONS));

  test('is refused while it is truncated: zeros are not a table without targets', () => {
    const octets = memory();
    const table = TargetTable.create(octets, OPTIONS);
    table.activate([{ fwmark: 7 }]);
    new Uint8Array(octets).fill(0);
    expect(() => new FwmarkLookup(table)).toThrow(expect.objectContaining({ code: 'not-a-table' }));
  });

  test('is taken as it was written, even if its weights are not all there yet', () => {
    const octets = memory();
    const table = TargetTable.create(octets, OPTIONS);
    table.activate([{ fwmark: 7 }, { fwmark: 8 }]);
    const before = new FwmarkLookup(table).fwmarks.join();
    new Uint8Array(octets, layoutOf(OPTIONS.M!, OPTIONS.N!).weight, 4 * OPTIONS.N!).fill(0);
    expect(new FwmarkLookup(table).fwmarks.join()).toBe(before);
  });
});

describe('while another thread changes the table', () => {
  // The writer alternates between two sets of targets until it is stopped.
  const SETS = [
    [101, 102, 103, 104],
    [102, 104, 105, 106, 107],
  ] as const;
  const BOTH = [...new Set([...SETS[0], ...SETS[1]])];
  // Few buckets, so that there are many changes, and many chances to catch a faulty reader.
  const SMALL: TableOptions = { M: 97, N: 16 };

  interface Writer {
    readonly name: string;
    readonly options: TableOptions;
    /** Defines `change`, which changes the targets of `table` to `sets[set]`. */
    readonly code: string;
    /** Every lookup that a reader may see. */
    readonly allowed: ReadonlySet<string>;
  }

  const writers: Writer[] = [
    {
      name: 'this project',
      options: SMALL,
      code: `
        const change = (set) => {
          table.activate(sets[set].map((fwmark) => ({ fwmark })));
          table.deactivate(sets[1 - set].filter((fwmark) => !sets[set].includes(fwmark)));
        };`,
      allowed: new Set([...SETS, BOTH].map((set) => lookupOf(set, SMALL))),
    },
    {
      // Writes the fwmarks first, one by one, then clears and refills the lookup in place, without a generation. On the way there are other sets: each
      // slot has the fwmark of one set or the other.
      name: 'C nfqlb',
      options: { ...SMALL, permutation: 'nfqlb' },
      code: `
        const weights = new Array(table.N).fill(1);
        const change = (set) => {
          // Back and forth at first, to catch a reader that does not read words atomically.
          for (let turn = 100; turn >= 0; turn--) {
            for (let slot = 0; slot < table.N; slot++) Atomics.store(table.active, slot, sets[(set + turn) % 2][slot] ?? -1);
          }
          table.lookup.fill(-1);
          const lookup = table.computeLookup(table.active, weights);
          for (let bucket = 0; bucket < table.M; bucket++) Atomics.store(table.lookup, bucket, lookup[bucket]);
        };`,
      allowed: new Set(
        Array.from({ length: 32 }, (_, choice) =>
          lookupOf(
            [0, 1, 2, 3, 4].map((slot) => SETS[(choice >> slot) & 1]![slot] ?? -1),
            { ...SMALL, permutation: 'nfqlb' },
          ),
        ),
      ),
    },
  ];

  test.each(writers)(
    'like $name, a reader sees only consistent tables',
    async ({ options, code, allowed }) => {
      const table = create(options);
      table.activate(SETS[0].map((fwmark) => ({ fwmark })));
      const lookup = new FwmarkLookup(table);
      const control = new Int32Array(new SharedArrayBuffer(8));
      const seen = new Set<string>();
      let taken = 0;
      // On a busy machine, the threads may not run in parallel: then it takes longer.
      const raced = (): boolean => taken >= 200 && Atomics.load(control, CHANGES) >= 2000;
      const thread = writerThread(code, { memory: table.lookup.buffer, sets: SETS, control });
      try {
        while (!raced()) {
          for (let i = 0; i < 1000; i++) {
            if (!lookup.refresh()) continue;
            seen.add(lookup.fwmarks.join());
            taken++;
          }
        }
      } finally {
        Atomics.store(control, STOP, 1);
        await new Promise((resolve) => thread.once('exit', resolve));
      }
      expect(raced()).toBe(true);
      expect(seen.size).toBeGreaterThan(1);
      expect([...seen.keys()].filter((fwmarks) => !allowed.has(fwmarks))).toEqual([]);

      lookup.refresh();
      expect(lookup.fwmarks.join()).toBe(lookupOf([...table.active], options));
    },
    60_000,
  );

  // Words of `control`.
  const STOP = 0;
  const CHANGES = 1;

  /** A thread that alternates the table between the two sets until `control` stops it. */
  function writerThread(code: string, data: { memory: ArrayBufferLike; sets: typeof SETS; control: Int32Array }): Worker {
    const { outputFiles } = buildSync({
      entryPoints: [fileURLToPath(new URL('target-table.ts', import.meta.url))],
      bundle: true,
      format: 'esm',
      write: false,
    });
    const program = `${outputFiles[0]!.text}
      import { workerData } from 'node:worker_threads';
      const { memory, sets, control } = workerData;
      const table = TargetTable.open(memory);
      ${code}
      for (let set = 1; Atomics.load(control, ${STOP}) === 0; set = 1 - set) {
        change(set);
        Atomics.add(control, ${CHANGES}, 1);
      }`;
    return new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), { workerData: data });
  }
});

describe('an incomplete change', () => {
  const generationOf = (table: TargetTable): Int32Array =>
    new Int32Array(table.lookup.buffer, layoutOf(table.M, table.N).extension + 4 * EXT_GENERATION, 1);

  test('of a killed writer is not adopted: the reader keeps what it has', () => {
    const table = create();
    table.activate([{ fwmark: 7 }]);
    const lookup = new FwmarkLookup(table);
    generationOf(table)[0] = 3;
    table.active[0] = 8;
    table.lookup.fill(-1);
    expect(lookup.refresh()).toBe(false);
    expect(lookup.choose(5)).toBe(7);
  });

  test('is not mistaken for one of C nfqlb if the writer begins just after the generation was read', () => {
    const table = create();
    table.activate([{ fwmark: 7 }]);
    const lookup = new FwmarkLookup(table);
    // When the reader first reads the slots, the writer has announced a change and written one slot of two.
    const { active } = table;
    Object.defineProperty(table, 'active', {
      get: () => {
        generationOf(table)[0] = 3;
        active[1] = 8;
        return active;
      },
    });
    expect(lookup.refresh()).toBe(false);
    expect(new Set(lookup.fwmarks)).toEqual(new Set([7]));
  });

  test('when the reader starts is replaced by a computed lookup, from the current targets and weights', () => {
    const table = create();
    table.activate([{ fwmark: 7, weight: 3 }, { fwmark: 8 }]);
    const whole = Array.from(table.lookup, (slot) => [7, 8][slot]).join();
    generationOf(table)[0]! += 1;
    table.lookup.fill(-1);
    expect(new FwmarkLookup(table).fwmarks.join()).toBe(whole);
  });
});

test('keeps what it has if the memory contains another table now', () => {
  const table = create();
  table.activate([{ fwmark: 7 }]);
  const lookup = new FwmarkLookup(table);
  new Uint32Array(table.lookup.buffer)[1] = 991;
  table.active.fill(8);
  expect(lookup.refresh()).toBe(false);
  expect(lookup.choose(5)).toBe(7);
});

test('keeps what it has while C nfqlb has not written the rows of a table yet, and terminates', () => {
  const ours = create({ ...OPTIONS, permutation: 'nfqlb' });
  ours.activate([{ fwmark: 7 }]);
  // Only the part that C nfqlb has.
  const length = new Uint32Array(ours.lookup.buffer)[3]! + 4;
  const table = TargetTable.open(ours.lookup.buffer.slice(0, length));
  const lookup = new FwmarkLookup(table);
  // As `init` of C nfqlb leaves it briefly: sizes written, the rest zero.
  new Uint8Array(table.lookup.buffer, 16).fill(0);
  expect(lookup.refresh()).toBe(false);
  expect(lookup.choose(5)).toBe(7);
  expect(() => new FwmarkLookup(table)).toThrow('not a target table: invalid permutation rows');
  expect(() => table.activateAt(0, { fwmark: 8 })).toThrow('not a target table: invalid permutation rows');
});

describe('invalid numbers', () => {
  const garbage: [string, (table: TargetTable) => void][] = [
    ['a slot after the last', (table) => table.lookup.fill(1000, 3, 4)],
    ['the largest slot', (table) => table.lookup.fill(0x7fffffff)],
    ['a negative slot', (table) => table.lookup.fill(-5, 0, 1)],
    ['a free slot', (table) => table.lookup.fill(9, 7, 9)],
    ['a bucket without a slot', (table) => table.lookup.fill(-1, 5, 6)],
    ['the first bucket without a slot', (table) => table.lookup.fill(-1, 0, 1)],
  ];
  test.each(garbage)('%s: the lookup is computed from the active targets', (_what, write) => {
    const table = create();
    table.activate([{ fwmark: 7 }, { fwmark: 8, weight: 2 }]);
    const lookup = new FwmarkLookup(table);
    const whole = lookup.fwmarks.join();
    write(table);
    new Int32Array(table.lookup.buffer, layoutOf(997, 16).extension)[EXT_GENERATION]! += 2;
    lookup.refresh();
    expect(lookup.fwmarks.join()).toBe(whole);
  });

  test('arbitrary words: always an active fwmark, or none', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -2, max: 20 }), { minLength: 97, maxLength: 97 }), fc.nat(0xffffffff), (words, weight) => {
        const options = { M: 97, N: 16 };
        const table = create(options);
        table.activate([{ fwmark: 7 }, { fwmark: 8 }]);
        const lookup = new FwmarkLookup(table);
        table.lookup.set(words);
        new Uint32Array(table.lookup.buffer, layoutOf(97, 16).weight)[1] = weight;
        new Int32Array(table.lookup.buffer, layoutOf(97, 16).extension)[EXT_GENERATION]! += 2;
        lookup.refresh();
        expect([7, 8, -1]).toEqual(expect.arrayContaining([...new Set(lookup.fwmarks)]));
        expect(table.weightOf(1)).toBeLessThanOrEqual(MAX_WEIGHT);
      }),
    );
  });
});

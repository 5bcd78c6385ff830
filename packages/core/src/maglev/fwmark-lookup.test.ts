import { Worker } from 'node:worker_threads';
import { buildSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { FwmarkLookup } from './fwmark-lookup.js';
import { type TableOptions, TargetTable } from './target-table.js';

const OPTIONS: TableOptions = { M: 997, N: 16 };

function create(options: TableOptions = OPTIONS): TargetTable {
  return TargetTable.create(new SharedArrayBuffer(TargetTable.byteLength(options)), options);
}

/** The lookup of a table that holds these targets and was never changed while somebody read it. */
function lookupOf(fwmarks: readonly number[], options: TableOptions = OPTIONS): string {
  const table = create(options);
  table.activate(fwmarks.map((fwmark) => ({ fwmark })));
  return new FwmarkLookup(table).fwmarks.join();
}

test('says of a hash what the bucket of its remainder says', () => {
  const table = create();
  table.activate([{ fwmark: 7 }]);
  const lookup = new FwmarkLookup(table);
  expect(lookup.choose(0)).toBe(7);
  expect(lookup.choose(0xffffffff)).toBe(7);
});

test('changes only at refresh, and then says that it did', () => {
  const table = create();
  const lookup = new FwmarkLookup(table);
  table.activate([{ fwmark: 7 }]);
  expect(lookup.choose(1)).toBe(-1);
  expect(lookup.refresh()).toBe(true);
  expect(lookup.choose(1)).toBe(7);
  expect(lookup.refresh()).toBe(false);
});

test('takes up a weight', () => {
  const table = create();
  table.activate([{ fwmark: 7 }, { fwmark: 8 }]);
  const lookup = new FwmarkLookup(table);
  table.activate([{ fwmark: 8, weight: 3 }]);
  lookup.refresh();
  expect(lookup.fwmarks.filter((fwmark) => fwmark === 8)).toHaveLength(748);
});

describe('while another thread changes the table', () => {
  // Each writer swaps two sets of targets for as long as it is let; what readers may see is one of them, whole.
  const SETS = [
    [101, 102, 103, 104],
    [102, 104, 105, 106, 107],
  ] as const;

  /** As this project does it. */
  const OURS = `
    const table = TargetTable.open(memory);
    change = (set) => {
      table.activate(sets[set].map((fwmark) => ({ fwmark })));
      Atomics.add(control, 1, 1);
      table.deactivate(sets[1 - set].filter((fwmark) => !sets[set].includes(fwmark)));
    };`;

  /** As C nfqlb does it: the fwmarks first, then the lookup emptied and filled again in place, and no generation. */
  const LIKE_C = `
    const table = TargetTable.open(memory);
    const weights = new Array(table.N).fill(1);
    change = (set) => {
      for (let slot = 0; slot < table.N; slot++) Atomics.store(table.active, slot, sets[set][slot] ?? -1);
      table.lookup.fill(-1);
      const lookup = table.computeLookup(table.active, weights);
      for (let bucket = 0; bucket < table.M; bucket++) Atomics.store(table.lookup, bucket, lookup[bucket]);
    };`;

  test.each([
    ['this project', OURS, { ...OPTIONS }],
    ['C nfqlb', LIKE_C, { ...OPTIONS, permutation: 'nfqlb' } as TableOptions],
  ])('as %s does it, a reader sees whole tables only, and no bucket without a target', async (_name, writer, options) => {
    const table = create(options);
    table.activate(SETS[0].map((fwmark) => ({ fwmark })));
    const lookup = new FwmarkLookup(table);
    const both = [...new Set([...SETS[0], ...SETS[1]])];
    const allowed = new Set([lookupOf(SETS[0], options), lookupOf(SETS[1], options), lookupOf(both, options)]);
    // C nfqlb sets fwmarks one by one: it passes through sets of its own, each a table like any other.
    const mixed = _name === 'C nfqlb';

    const control = new Int32Array(new SharedArrayBuffer(8));
    const bundle = buildSync({
      entryPoints: [new URL('target-table.ts', import.meta.url).pathname],
      bundle: true,
      format: 'esm',
      write: false,
    });
    const code = `${bundle.outputFiles[0]!.text}
      import { workerData } from 'node:worker_threads';
      const { memory, sets } = workerData, control = new Int32Array(workerData.control);
      let change;
      ${writer}
      for (let set = 1; Atomics.load(control, 0) === 0; set = 1 - set) {
        change(set);
        Atomics.add(control, 1, 1);
        // Leaves the reader moments in which the table stands still, or it would see none of them whole.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 0.2);
      }`;
    const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(code)}`), {
      workerData: { memory: table.lookup.buffer, sets: SETS, control: control.buffer },
    });
    try {
      const seen = new Set<string>();
      const until = performance.now() + 1500;
      while (performance.now() < until) {
        if (!lookup.refresh()) continue;
        if (mixed) expect(lookup.fwmarks).not.toContain(-1);
        else seen.add(lookup.fwmarks.join());
      }
      Atomics.store(control, 0, 1);
      // It was a race: hundreds of changes, not a few.
      expect(Atomics.load(control, 1)).toBeGreaterThan(100);
      for (const fwmarks of seen) expect(allowed).toContain(fwmarks);
      if (!mixed) expect(seen.size).toBeGreaterThan(1);
    } finally {
      await thread.terminate();
    }
    lookup.refresh();
    if (mixed) expect([...allowed].slice(0, 2)).toContain(lookup.fwmarks.join());
  });

  test('that is never finished, because the writer was killed, the reader keeps what it has', () => {
    const table = create();
    table.activate([{ fwmark: 7 }]);
    const lookup = new FwmarkLookup(table);
    const generation = new Int32Array(table.lookup.buffer, table.lookup.buffer.byteLength - 2 * 4 * 16 - 256 + 12, 1);
    generation[0] = 3;
    table.active[0] = 8;
    table.lookup.fill(-1);
    expect(lookup.refresh()).toBe(false);
    expect(lookup.choose(5)).toBe(7);
  });
});

test('of memory that another program has emptied or written anew keeps what it has', () => {
  const table = create();
  table.activate([{ fwmark: 7 }]);
  const lookup = new FwmarkLookup(table);
  new Uint8Array(table.lookup.buffer).fill(0);
  expect(table.intact).toBe(false);
  expect(lookup.refresh()).toBe(false);
  expect(lookup.choose(5)).toBe(7);
});

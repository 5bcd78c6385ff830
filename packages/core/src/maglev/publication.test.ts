// A model check of how a table is published: a reader at every atomic step of a writer, a writer at every step of a reader, and a writer that dies at every
// step. In each, the reader has the old table or the new one, never a mix.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { atEachStep, killedAt } from '../testing/atomic-steps.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { runs } from '../testing/runs.js';
import { ConnectionSet } from '../transition/connection-set.js';
import { FwmarkLookup } from './fwmark-lookup.js';
import { type TableOptions, type Target, TargetTable } from './target-table.js';

const target = fc.record({ fwmark: fc.integer({ min: 101, max: 106 }), weight: fc.constantFrom(1, 1, 2) });
const targets = fc.uniqueArray(target, { maxLength: 4, selector: ({ fwmark }) => fwmark });
const change = fc.record({ before: targets, after: targets, M: fc.constantFrom(5, 7, 11), seconds: fc.constantFrom(0, 30) });

interface Change {
  readonly before: readonly Target[];
  readonly after: readonly Target[];
  readonly M: number;
  readonly seconds: number;
}

/** A table with the targets before a change, and a reader of it. */
class Bench {
  readonly table: TargetTable;
  readonly lookup: FwmarkLookup;
  readonly #change: Change;

  constructor(change: Change) {
    const size: TableOptions = { M: change.M, N: 5 };
    this.#change = change;
    this.table = TargetTable.create(new SharedArrayBuffer(TargetTable.byteLength(size)), size);
    this.table.setTargets(change.before);
    this.lookup = this.reader();
  }

  reader(): FwmarkLookup {
    const options = { idle: 100, connections: 64 };
    return new FwmarkLookup(this.table, new ConnectionSet(ConnectionSet.createMemory(options, HASH_KEY), options));
  }

  write(): void {
    this.table.setTargets(this.#change.after, { now: 0, seconds: this.#change.seconds });
  }

  /** What packets get. */
  get seen(): string {
    return this.lookup.fwmarks.join();
  }
}

/** What a reader may see. */
function oldAndNew(change: Change): readonly [old: string, young: string] {
  const bench = new Bench(change);
  const old = bench.seen;
  bench.write();
  bench.lookup.refresh();
  return [old, bench.seen];
}

describe('a table is published as a whole', () => {
  test('to a reader at every step of the writer', () => {
    let all = 0;
    fc.assert(
      fc.property(change, (change) => {
        const [old, young] = oldAndNew(change);
        const bench = new Bench(change);
        let isNew = false;
        const look = (): void => {
          bench.lookup.refresh();
          expect([old, young]).toContain(bench.seen);
          // And never goes back.
          if (isNew) expect(bench.seen).toBe(young);
          isNew ||= bench.seen === young;
          // One that starts now has targets of both, and in all buckets if both have any.
          const first = bench.reader().fwmarks;
          const known = new Set([...change.before, ...change.after].map(({ fwmark }) => fwmark));
          expect([...first].filter((fwmark) => fwmark >= 0 && !known.has(fwmark))).toEqual([]);
          if (change.before.length > 0 && change.after.length > 0) expect([...first]).not.toContain(-1);
        };
        all += atEachStep(() => bench.write(), look);
        look();
        expect(bench.seen).toBe(young);
      }),
      { numRuns: runs(100) },
    );
    expect(all).toBeGreaterThan(500);
  });

  test('to a reader at each of whose steps a writer changes it', () => {
    let all = 0;
    fc.assert(
      fc.property(change, (change) => {
        const [old, young] = oldAndNew(change);
        for (let at = 0, isReached = true; isReached; at++) {
          const bench = new Bench(change);
          // Something to adopt, so that it reads everything.
          bench.table.setTargets([...change.before, { fwmark: 900 }].slice(0, 5));
          bench.table.setTargets(change.before);
          isReached = false;
          atEachStep(
            () => bench.lookup.refresh(),
            (step) => {
              if (step !== at) return;
              isReached = true;
              bench.write();
            },
          );
          if (!isReached) break;
          all++;
          expect([old, young]).toContain(bench.seen);
          bench.lookup.refresh();
          expect(bench.seen).toBe(young);
        }
      }),
      { numRuns: runs(40) },
    );
    expect(all).toBeGreaterThan(500);
  });

  test('by a writer that dies at any step: the old one stays, and the next writer’s comes', () => {
    let died = 0;
    fc.assert(
      fc.property(change, (change) => {
        const [old, young] = oldAndNew(change);
        for (let step = 0; ; step++) {
          const bench = new Bench(change);
          if (!killedAt(step, () => bench.write())) break;
          died++;
          bench.lookup.refresh();
          expect(bench.seen).toBe(old);
          bench.write();
          bench.lookup.refresh();
          expect(bench.seen).toBe(young);
          expect((bench.table.generation ?? 0) & 1).toBe(0);
        }
      }),
      { numRuns: runs(40) },
    );
    expect(died).toBeGreaterThan(500);
  });
});

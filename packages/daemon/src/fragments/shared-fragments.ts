import { randomBytes } from 'node:crypto';
import { freemem } from 'node:os';
import {
  CoreError,
  FragmentTable,
  type FragmentTableOptions,
  type HashKey,
  LockWatch,
  type Reinject,
  STATISTICS_LENGTH,
} from '@nfqlb/core';

/** Memory that all workers share to handle fragments, in a form that can be passed to a thread. */
export interface SharedFragments {
  readonly options: FragmentTableOptions;
  readonly table: SharedArrayBuffer;
  /** Statistics of each thread, {@link STRIDE} octets apart. */
  readonly statistics: SharedArrayBuffer;
}

/** Two cache lines, so that threads do not write to each other's. */
const STRIDE = 128;

/** Creates a fragment table for this many threads. Throws `CoreError` if it does not fit into memory. */
export function shareFragments(options: FragmentTableOptions, threads: number): SharedFragments {
  const length = FragmentTable.byteLength(options);
  const free = freemem();
  if (length > free) {
    throw new CoreError(
      'out-of-memory',
      `the fragment table needs ${mebibytes(length)} MiB, but only ${mebibytes(free)} MiB are free; most of it is --ft_frag times --mtu`,
    );
  }
  return { options, table: FragmentTable.createMemory(options, randomKey()), statistics: new SharedArrayBuffer(threads * STRIDE) };
}

/** Statistics of a thread. */
export function statisticsOf({ statistics }: SharedFragments, thread: number): Uint32Array {
  return new Uint32Array(statistics, thread * STRIDE, STATISTICS_LENGTH / Uint32Array.BYTES_PER_ELEMENT);
}

/** The fragment table as a worker uses it. */
export function fragmentTableOf(fragments: SharedFragments, thread: number, reinject?: Reinject): FragmentTable {
  return new FragmentTable(fragments.table, fragments.options, statisticsOf(fragments, thread), reinject);
}

/** The fragment table as the main thread uses it: it only collects expired entries, and must not wait for a worker that may have died. */
export function observedFragmentTable(fragments: SharedFragments, thread: number): FragmentTable {
  return new FragmentTable(fragments.table, fragments.options, statisticsOf(fragments, thread), undefined, true);
}

/** Finds locks of the table that are never released because a worker has died. */
export function lockWatchOf(fragments: SharedFragments): LockWatch {
  const table = new FragmentTable(fragments.table, fragments.options, new Uint32Array(STATISTICS_LENGTH / 4));
  return new LockWatch(fragments.table, table, fragments.options.size);
}

/** Random, so that an attacker cannot choose fragments that share a bucket. */
function randomKey(): HashKey {
  const octets = randomBytes(8);
  return [octets.readInt32LE(0), octets.readInt32LE(4)];
}

const mebibytes = (octets: number): number => Math.ceil(octets / 2 ** 20);

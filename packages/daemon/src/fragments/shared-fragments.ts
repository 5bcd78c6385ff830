import { freemem } from 'node:os';
import { CoreError, FragmentTable, type FragmentTableOptions, type Reinject, STATISTICS_LENGTH } from '@nfqlb/core';

/** What all workers share to handle fragments: memory, as it can be given to a thread. */
export interface SharedFragments {
  readonly options: FragmentTableOptions;
  readonly table: SharedArrayBuffer;
  /** A thread's statistics each, {@link STRIDE} octets apart. */
  readonly statistics: SharedArrayBuffer;
}

/** Two cache lines: threads do not write to each other's. */
const STRIDE = 128;

/** A fragment table for so many threads. Throws `CoreError` when it does not fit into memory. */
export function shareFragments(options: FragmentTableOptions, threads: number): SharedFragments {
  const length = FragmentTable.byteLength(options);
  const free = freemem();
  if (length > free) {
    throw new CoreError(
      'out-of-memory',
      `the fragment table takes ${mebibytes(length)} MiB, ${mebibytes(free)} MiB are free; --ft_frag times --mtu is the most of it`,
    );
  }
  return { options, table: FragmentTable.createMemory(options), statistics: new SharedArrayBuffer(threads * STRIDE) };
}

/** What a thread has counted. */
export function statisticsOf({ statistics }: SharedFragments, thread: number): Uint32Array {
  return new Uint32Array(statistics, thread * STRIDE, STATISTICS_LENGTH / Uint32Array.BYTES_PER_ELEMENT);
}

/** The fragment table as a thread uses it. */
export function fragmentTableOf(fragments: SharedFragments, thread: number, reinject?: Reinject): FragmentTable {
  return new FragmentTable(fragments.table, fragments.options, statisticsOf(fragments, thread), reinject);
}

const mebibytes = (octets: number): number => Math.ceil(octets / 2 ** 20);

// The state that one process hands to the next: memory of the same form in both, copied by way of a file that only they have. Copying takes about 1 ms for
// 3 MB, while packets wait in the queues; mapping it into both would spare that, but V8 has no SharedArrayBuffer over mapped memory, and the locks
// (core/src/fragments/lock.ts) need one.

import { constants, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import { ConnectionSet, FragmentTable, REASON_NAMES } from '@nfqlb/core';
import type { StatePart } from '@nfqlb/protocol/takeover';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import type { Counters } from '../shared/counters.js';
import type { SharedConnections } from '../transition/shared-connections.js';

/**
 * To be raised when a layout changes: `core/src/fragments/layout.ts`, `core/src/transition/layout.ts`, `shared/counters.ts`, `shared/target-counts.ts`. A
 * program of another version then begins with an empty one.
 */
const FRAGMENTS_LAYOUT = 1;
const CONNECTIONS_LAYOUT = 1;
const COUNTERS_LAYOUT = 1;

/** Not in `fs.constants`: a file without a name (open(2)). */
const O_TMPFILE: number = 0o20_000_000 | constants.O_DIRECTORY;
const FOLDER = '/dev/shm';

/** One part, and where it is in this process. */
export interface HeldPart {
  readonly name: string;
  /** Equal if both processes have it in the same form. */
  readonly layout: string;
  readonly memory: SharedArrayBuffer;
  /** Makes it usable again, if it was copied while it was being written. */
  readonly forget: () => void;
}

/** All parts, in the order in which they are handed over. */
export function stateOf(fragments: SharedFragments, connections: SharedConnections, counters: Counters): HeldPart[] {
  const counts = `${COUNTERS_LAYOUT}: ${REASON_NAMES.length} reasons`;
  const onlyCounts = (): void => {};
  return [
    {
      name: 'fragments',
      layout: `${FRAGMENTS_LAYOUT}: ${JSON.stringify(fragments.options)}`,
      memory: fragments.table,
      forget: () => FragmentTable.clear(fragments.table, fragments.options),
    },
    { name: 'fragment statistics', layout: `${FRAGMENTS_LAYOUT}`, memory: fragments.statistics, forget: onlyCounts },
    {
      name: 'connections',
      layout: `${CONNECTIONS_LAYOUT}: ${JSON.stringify(connections.options)}`,
      memory: connections.memory,
      forget: () => ConnectionSet.clear(connections.memory),
    },
    { name: 'counts', layout: counts, memory: counters.memory.counters, forget: onlyCounts },
    { name: 'counts of targets', layout: counts, memory: counters.memory.targets, forget: onlyCounts },
  ];
}

export function describeParts(parts: readonly HeldPart[]): StatePart[] {
  return parts.map(({ name, layout, memory }) => ({ name, layout, octets: memory.byteLength }));
}

/** @returns the descriptor of a file in memory without a name */
export function openStateFile(): number {
  return openSync(FOLDER, O_TMPFILE | constants.O_RDWR, 0o600);
}

/** Writes all parts. The second time is faster, since the file has its memory then. Throws what `writeSync` throws. */
export function writeState(fd: number, parts: readonly HeldPart[]): void {
  let at = 0;
  for (const { memory } of parts) {
    const bytes = new Uint8Array(memory);
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, at + done);
    at += bytes.length;
  }
}

/**
 * Reads the parts that both processes have in the same form.
 *
 * @param written what is in the file
 * @returns names of those that were not read
 */
export function readState(fd: number, written: readonly StatePart[], own: readonly HeldPart[]): string[] {
  const missed: string[] = [];
  const { size } = fstatSync(fd);
  for (const { name, layout, memory } of own) {
    const index = written.findIndex((part) => part.name === name);
    const part = written[index];
    const at = written.slice(0, Math.max(0, index)).reduce((sum, { octets }) => sum + octets, 0);
    if (part?.layout !== layout || part.octets !== memory.byteLength || at + part.octets > size) {
      missed.push(name);
      continue;
    }
    const bytes = new Uint8Array(memory);
    for (let done = 0; done < bytes.length; ) {
      const octets = readSync(fd, bytes, done, bytes.length - done, at + done);
      if (octets === 0) break;
      done += octets;
    }
  }
  return missed;
}

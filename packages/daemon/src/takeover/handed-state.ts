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
const FRAGMENTS_LAYOUT = 2;
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
  /** Whether it was copied while it was being written: nobody here would ever release what was locked there. */
  readonly isLocked: () => boolean;
  /** Makes it usable again, if it was copied while it was being written. */
  readonly forget: () => void;
}

/** All parts, in the order in which they are handed over. */
export function stateOf(fragments: SharedFragments, connections: SharedConnections, counters: Counters): HeldPart[] {
  const counts = `${COUNTERS_LAYOUT}: ${REASON_NAMES.length} reasons`;
  // Each is whole, whenever it is copied.
  const onlyCounts = { isLocked: (): boolean => false, forget: (): void => {} };
  return [
    {
      name: 'fragments',
      layout: `${FRAGMENTS_LAYOUT}: ${JSON.stringify(fragments.options)}`,
      memory: fragments.table,
      isLocked: () => FragmentTable.isLocked(fragments.table, fragments.options),
      forget: () => FragmentTable.clear(fragments.table, fragments.options),
    },
    { name: 'fragment statistics', layout: `${FRAGMENTS_LAYOUT}`, memory: fragments.statistics, ...onlyCounts },
    {
      name: 'connections',
      layout: `${CONNECTIONS_LAYOUT}: ${JSON.stringify(connections.options)}`,
      memory: connections.memory,
      isLocked: () => ConnectionSet.isLocked(connections.memory),
      forget: () => ConnectionSet.clear(connections.memory),
    },
    { name: 'counts', layout: counts, memory: counters.memory.counters, ...onlyCounts },
    { name: 'counts of targets', layout: counts, memory: counters.memory.targets, ...onlyCounts },
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
 * Reads the parts that both processes have in the same form. The others are forgotten: half a part, or one that was read while it was being written, is of
 * no use. That takes no longer than reading them.
 *
 * @param written what is in the file
 * @returns names of those that were not read
 */
export function readState(fd: number, written: readonly StatePart[], own: readonly HeldPart[]): string[] {
  const { size } = fstatSync(fd);
  const missed = own.filter((part) => !isRead(fd, part, placeOf(part, written), size));
  for (const { forget } of missed) forget();
  return missed.map(({ name }) => name);
}

/**
 * The same, of a process that has paused.
 *
 * @returns names of those that were not read, or were locked
 */
export function readStateAtRest(fd: number, written: readonly StatePart[], own: readonly HeldPart[]): string[] {
  const missed = readState(fd, written, own);
  const locked = own.filter(({ name, isLocked }) => !missed.includes(name) && isLocked());
  for (const { forget } of locked) forget();
  return [...missed, ...locked.map(({ name }) => name)];
}

/** Where a part is in the file; `undefined` if it is not, or in another form. */
function placeOf({ name, layout, memory }: HeldPart, written: readonly StatePart[]): number | undefined {
  const index = written.findIndex((part) => part.name === name);
  const part = written[index];
  if (part?.layout !== layout || part.octets !== memory.byteLength) return undefined;
  return written.slice(0, index).reduce((sum, { octets }) => sum + octets, 0);
}

/** Whether all of a part could be read. What the other process calls its state may be any descriptor. */
function isRead(fd: number, { memory }: HeldPart, at: number | undefined, size: number): boolean {
  const bytes = new Uint8Array(memory);
  if (at === undefined || at + bytes.length > size) return false;
  try {
    for (let done = 0; done < bytes.length; ) {
      const octets = readSync(fd, bytes, done, bytes.length - done, at + done);
      if (octets === 0) return false;
      done += octets;
    }
    return true;
  } catch {
    return false;
  }
}

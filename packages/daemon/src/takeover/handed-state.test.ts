import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { ConnectionSet, FragmentTable, type HashKey } from '@nfqlb/core';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Counters } from '../shared/counters.js';
import { describeParts, type HeldPart, openStateFile, readState, readStateAtRest, stateOf, writeState } from './handed-state.js';

const FRAGMENTS = { size: 7, buckets: 8, fragments: 4, mtu: 100, ttl: 200, holes: 16 };
const CONNECTIONS = { idle: 100, connections: 64 };

function parts(key: HashKey, options: typeof FRAGMENTS = FRAGMENTS): HeldPart[] {
  const fragments = { options, table: FragmentTable.createMemory(options, key), statistics: new SharedArrayBuffer(256) };
  const connections = { options: CONNECTIONS, memory: ConnectionSet.createMemory(CONNECTIONS, key) };
  return stateOf(fragments, connections, new Counters(1));
}

/** As text, which is compared faster. */
const textOf = ({ memory }: HeldPart): string => Buffer.from(memory).toString('hex');
const octets = (state: readonly HeldPart[]): string[] => state.map(textOf);
const change = (part: HeldPart): void => {
  const words = new Int32Array(part.memory);
  words[words.length - 1]!++;
};
const KEY: HashKey = [1, 2];

let old: HeldPart[];
let own: HeldPart[];
let file: number;
beforeEach(() => {
  old = parts(KEY);
  own = parts([3, 4]);
  file = openStateFile();
});
afterEach(() => closeSync(file));

test('what was written is what is read', () => {
  old.forEach(change);
  writeState(file, old);
  expect(readState(file, describeParts(old), own)).toEqual([]);
  expect(octets(own)).toEqual(octets(old));
});

test('a part of another form is missed, and the others are read', () => {
  old = parts(KEY, { ...FRAGMENTS, mtu: 200 });
  writeState(file, old);
  expect(readState(file, describeParts(old), own)).toEqual(['fragments']);
  expect(octets(own).slice(1)).toEqual(octets(old).slice(1));
});

test('what is locked by a process at rest is forgotten: nobody would ever unlock it', () => {
  // Word 0 of the connections is their lock; of the fragments, that of the first bucket.
  for (const name of ['fragments', 'connections']) new Int32Array(old.find((part) => part.name === name)!.memory)[0] = 2;
  old.forEach(change);
  writeState(file, old);
  expect(readState(file, describeParts(old), own)).toEqual([]);
  expect(octets(own)).toEqual(octets(old));
  expect(readStateAtRest(file, describeParts(old), own)).toEqual(['fragments', 'connections']);
  const fresh = octets(parts(KEY));
  expect([textOf(own[0]!), textOf(own[2]!)]).toEqual([fresh[0], fresh[2]]);
  expect([textOf(own[3]!), textOf(own[4]!)]).toEqual(octets(old).slice(3));
});

describe('what is not whole when it is read again is forgotten, but not its key', () => {
  const names = ['fragments', 'fragment statistics', 'connections', 'counts', 'counts of targets'];

  function readAgain(descriptor: number): string[] {
    expect(octets(own)).toEqual(octets(old));
    const missed = readState(descriptor, describeParts(old), own);
    const fresh = parts(KEY);
    for (const [i, part] of own.entries()) {
      if (!missed.includes(part.name)) expect(textOf(part)).toBe(textOf(old[i]!));
      else if (part.name === 'fragments' || part.name === 'connections') expect(textOf(part)).toBe(textOf(fresh[i]!));
    }
    return missed;
  }

  beforeEach(() => {
    old.forEach(change);
    writeState(file, old);
    readState(file, describeParts(old), own);
  });

  test('a file that was cut', () => {
    ftruncateSync(file, old[0]!.memory.byteLength + 10);
    expect(readAgain(file)).toEqual(names.slice(1));
  });

  test.each(['/', '/dev/null', '/proc/self/status'])('no such file: %s', (path) => {
    const other = openSync(path, 'r');
    try {
      expect(readAgain(other)).toEqual(names);
    } finally {
      closeSync(other);
    }
  });

  test('a file that cannot be read', () => {
    const other = openSync(`/proc/self/fd/${file}`, 'a');
    try {
      writeSync(other, Buffer.alloc(1));
      expect(readAgain(other)).toEqual(names);
    } finally {
      closeSync(other);
    }
  });
});

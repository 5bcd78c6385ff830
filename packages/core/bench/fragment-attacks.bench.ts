// Cost of an attacker's fragments, relative to a fragment of ordinary traffic: `docs/fragments.md` promises that a full table affects only the
// datagrams that find it full. Each attack is the worst known for a table whose hash has no secret key, or that has no limits.

import { FragmentTable, type FragmentTableOptions, PacketKey, STATISTICS_LENGTH } from '@nfqlb/core';
import { report } from './goal.js';

const OPTIONS: FragmentTableOptions = { size: 500, buckets: 500, fragments: 0, mtu: 1500, ttl: 1e6, holes: 0 };
/** Multiple of the cost of a fragment of ordinary traffic. */
const GOAL = 3;

/** A key as of an IPv4 packet from 10.x to a VIP. */
function keyOf(id: number, source = 0x0200000a): PacketKey {
  const key = new PacketKey();
  key.family = 4;
  key.words[2] = -65536;
  key.words[3] = source;
  key.words[6] = -65536;
  key.words[7] = 0x0100000a;
  key.fragmentId = id;
  key.fragmentProtocol = 17;
  key.fragmentEnd = 1480;
  key.moreFragments = true;
  return key;
}

function tableOf(options: FragmentTableOptions): FragmentTable {
  const table = new FragmentTable(
    FragmentTable.createMemory(options, [0x1234567, -0x7654321]),
    options,
    new Uint32Array(STATISTICS_LENGTH / 4),
  );
  return table;
}

let now = 1000;
const NOTHING = new Uint8Array(0);

/** Nanoseconds per later fragment with these keys: the median of 11 rounds. */
function cost(table: FragmentTable, keys: readonly PacketKey[]): number {
  const rounds = Array.from({ length: 11 }, () => {
    const begin = performance.now();
    let count = 0;
    for (let again = 0; again < 200_000; again += keys.length) {
      for (const key of keys) {
        // 256,000 fragments/s; entries live longer than this loop takes.
        if ((++count & 15) === 0) table.now = now += 1 / 16;
        table.later(key, NOTHING, 0, 0, 0);
      }
    }
    return ((performance.now() - begin) * 1e6) / (Math.ceil(200_000 / keys.length) * keys.length);
  });
  return rounds.toSorted((a, b) => a - b)[5]!;
}

function first(table: FragmentTable, keys: readonly PacketKey[]): FragmentTable {
  for (const key of keys) table.first(key, 101);
  return table;
}

/** Against an unkeyed hash (MurmurHash3 over djb2), an attacker would choose IDs that share a bucket; now any IDs are equally good. */
const ids = (count: number): PacketKey[] => Array.from({ length: count }, (_, i) => keyOf(i * 500 + 1));

const crowd = ids(400);
const alone = cost(first(tableOf(OPTIONS), crowd), crowd);
console.log(`a known fragment of ordinary traffic, 400 datagrams known: ${alone.toFixed(0)} ns; attacks, as multiples of it:`);

const full = ids(5000);
report('a full table: fragments of 5,000 datagrams, unknown', cost(first(tableOf(OPTIONS), full), full.slice(1000)) / alone, '×', GOAL);

const large = { ...OPTIONS, buckets: 20_000 };
const many = ids(20_000);
report('20,000 extra entries in use, 500 buckets', cost(first(tableOf(large), many), many) / alone, '×', GOAL);

const sources = Array.from({ length: 20_000 }, (_, i) => keyOf(1, i << 8));
report('the same from 20,000 sources', cost(first(tableOf(large), sources), sources) / alone, '×', GOAL);

const tracking = { ...OPTIONS, holes: 100_000 };
const holes = keyOf(7);
const table = first(tableOf(tracking), [holes]);
const pieces = Array.from({ length: 4062 }, (_, i) => {
  const key = keyOf(7);
  key.fragmentBegin = 1488 + 16 * i;
  key.fragmentEnd = key.fragmentBegin + 8;
  return key;
});
report('one datagram of 4,062 holes', cost(table, pieces) / alone, '×', GOAL);

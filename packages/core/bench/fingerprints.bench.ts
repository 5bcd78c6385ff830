// Fingerprints against exact keys for remembered connections (docs/decisions/0009-transitions.md): time, memory, and how often fingerprints are equal
// for different connections.

import { ConnectionSet, PacketKey } from '@nfqlb/core';
import { randomNumbers } from '@nfqlb/core/testing';
import { tabulationTables } from '../src/hash/tabulation.js';
import { CLIENT_WORDS } from '../src/key/packet-key.js';
import { Mark } from '../src/transition/connection-set.js';
import { setsFor, tablesFrom } from '../src/transition/layout.js';
import { ExactConnections } from './exact-connections.js';

const ROUNDS = 200;
/** Clients whose hashes are compared with each other: 2⁴³ pairs. */
const CLIENTS = 2 ** 22;
const HASH_KEYS = 12;

type Client = (key: PacketKey, i: number) => void;

const random = randomNumbers(1);
const setPorts = (key: PacketKey, ports: number): void => {
  key.words[8] = 6 << 16;
  key.words[9] = ports;
};

/** The i-th client; all are different. */
const CLIENTS_BY_KIND: Readonly<Record<string, Client>> = {
  'random IPv4 addresses and ports': (key) => {
    key.family = 4;
    key.words[2] = 0xffff << 16;
    key.words[3] = random() | 0;
    setPorts(key, random() | 0);
  },
  'consecutive IPv4 addresses and ports': (key, i) => {
    key.family = 4;
    key.words[2] = 0xffff << 16;
    key.words[3] = 0x0a | ((i >>> 12) << 20);
    setPorts(key, (i & 0xfff) << 4);
  },
  // djb2 multiplies by 33: one more in an octet is 33 less in the next one. So an attacker finds 8 values for each two octets of an address.
  'IPv6 addresses chosen for one bucket': (key, i) => {
    key.family = 6;
    for (let pair = 0; pair < 8; pair++) {
      const k = (i >>> (3 * pair)) & 7;
      key.bytes[2 * pair] = k;
      key.bytes[2 * pair + 1] = 250 - 33 * k;
    }
    setPorts(key, 1234);
  },
};

/** Pairs of equal numbers. */
function equalPairs(hashes: Int32Array): number {
  let pairs = 0;
  let run = 0;
  hashes.sort();
  for (let i = 1; i < hashes.length; i++) {
    run = hashes[i] === hashes[i - 1] ? run + 1 : 0;
    pairs += run;
  }
  return pairs;
}

/** Nanoseconds for finding one of these connections: fingerprints, exact keys. */
function findingTimes(connections: number): readonly [number, number] {
  const fingerprints = new ConnectionSet(ConnectionSet.createMemory({}, [1, 2]));
  const exact = new ExactConnections(setsFor(65536));
  const keys: PacketKey[] = [];
  while (keys.length < connections) {
    const key = new PacketKey();
    CLIENTS_BY_KIND['random IPv4 addresses and ports']!(key, 0);
    if (!exact.remember(key, 0, 101)) continue;
    fingerprints.find(key, key.hashAll(), false, 0);
    fingerprints.remember(101, Mark.Open);
    keys.push(key);
  }
  const hashes = keys.map((key) => key.hashAll());
  // One key, filled again and again, as in a balancer.
  const packet = keys[0]!;
  const all = keys.flatMap((key) => [...key.words]);
  const next = (i: number): void => {
    for (let word = 0; word < 10; word++) packet.words[word] = all[10 * i + word]!;
  };
  const times: [number[], number[], number[]] = [[], [], []];
  const ways = [
    (i: number) => next(i),
    (i: number) => {
      next(i);
      if (fingerprints.find(packet, hashes[i]!, false, 0) !== 101) throw new Error('not found');
    },
    (i: number) => {
      next(i);
      if (exact.find(packet, 0) !== 101) throw new Error('not found');
    },
  ];
  for (let round = 0; round < ROUNDS; round++) {
    for (const [way, find] of ways.entries()) {
      const begin = performance.now();
      for (let i = 0; i < connections; i++) find(i);
      times[way]!.push(((performance.now() - begin) * 1e6) / connections);
    }
  }
  const [without, ...each] = times.map((list) => list.toSorted((a, b) => a - b)[ROUNDS / 4]!) as [number, number, number];
  return [each[0] - without, each[1] - without];
}

const sets = setsFor(65536);
console.log(`room for 65,536 connections: fingerprints ${tablesFrom(sets) * 4 + sets * 32} octets, exact keys ${sets * 8 * 64} octets`);
for (const connections of [512, 4096, 32_768]) {
  const [fingerprint, exact] = findingTimes(connections);
  console.log(`finding one of ${connections} connections: fingerprints ${fingerprint.toFixed(1)} ns, exact keys ${exact.toFixed(1)} ns`);
}

// 32 of the 64 bits: equal ones among 2⁴³ pairs can be counted. The other 32 are the hash that chose the bucket, as random for clients that nobody has
// chosen, and equal in the worst case.
const expected = CLIENTS ** 2 / 2 / 2 ** 32;
const hashes = new Int32Array(CLIENTS);
for (const [kind, client] of Object.entries(CLIENTS_BY_KIND)) {
  const counts: number[] = [];
  for (let seed = 1; seed <= HASH_KEYS; seed++) {
    const tables = tabulationTables(CLIENT_WORDS, seed, 77);
    const key = new PacketKey();
    for (let i = 0; i < CLIENTS; i++) {
      client(key, i);
      hashes[i] = key.hashClient(false, tables);
    }
    counts.push(equalPairs(hashes));
  }
  const mean = counts.reduce((sum, count) => sum + count, 0) / HASH_KEYS;
  console.log(
    `${kind}: of 2^43 pairs ${Math.round(mean)} are equal (with ${HASH_KEYS} keys: ${Math.min(...counts)} to ${Math.max(...counts)})`,
  );
}
console.log(`(2^32 values: ${expected} are expected)`);

import { expect, test } from 'vitest';
import { tabulationTables } from '../hash/tabulation.js';
import { CLIENT_WORDS, PacketKey } from '../key/packet-key.js';
import { randomNumbers } from '../testing/random-numbers.js';
import { ConnectionSet, Mark, UNKNOWN } from './connection-set.js';
import { FWMARK, HASH, HEADER, PLACE_WORDS, setsFor, tablesFrom, USE } from './layout.js';

const HASH_KEY = [0x01234567, 0x89abcdef] as const;

/** A key with random addresses and ports. */
function randomKey(key: PacketKey, random: () => number): PacketKey {
  key.clear();
  key.family = 4;
  key.words[3] = random() | 0;
  key.words[7] = 0x0100000a;
  key.words[8] = 6 << 16;
  key.words[9] = random() | 0;
  return key;
}

test.each([1000, 65_536])('has room for %d connections: hardly any finds both its sets full', (connections) => {
  const random = randomNumbers(7);
  const set = new ConnectionSet(ConnectionSet.createMemory({ connections }, HASH_KEY), { connections });
  const key = new PacketKey();
  let refused = 0;
  for (let i = 0; i < connections; i++) {
    randomKey(key, random);
    expect(set.find(key, key.hashAll(), false, 0)).toBe(UNKNOWN);
    if (!set.remember(101, Mark.Begun)) refused++;
  }
  expect(refused / connections).toBeLessThan(1e-4);
  expect(set.counts).toEqual({ remembered: connections - refused, begun: connections - refused, learned: 0, refused });
});

test('the keyed hashes of different connections are as different as random numbers', () => {
  // With the whole 64 bits, a mistake is too rare to be seen. 24 bits of the keyed hash are enough to see whether mistakes are as frequent as they
  // should be: of 10⁵ connections, 10¹⁰/2 pairs, in 2²⁴ values.
  const random = randomNumbers(11);
  const key = new PacketKey();
  const tables = tabulationTables(CLIENT_WORDS, ...HASH_KEY);
  const count = new Map<number, number>();
  for (let i = 0; i < 100_000; i++) {
    const hash = randomKey(key, random).hashClient(false, tables) >>> 8;
    count.set(hash, (count.get(hash) ?? 0) + 1);
  }
  const pairs = [...count.values()].reduce((sum, n) => sum + (n * (n - 1)) / 2, 0);
  const expected = 1e10 / 2 / 2 ** 24;
  expect(pairs).toBeGreaterThan(expected - 5 * Math.sqrt(expected));
  expect(pairs).toBeLessThan(expected + 5 * Math.sqrt(expected));
});

test('connections whose hash for the table is the same are different', () => {
  const set = new ConnectionSet(ConnectionSet.createMemory({}, HASH_KEY));
  const key = new PacketKey();
  const random = randomNumbers(3);
  for (let i = 0; i < 100; i++) {
    randomKey(key, random);
    expect(set.find(key, 4711, false, 0)).toBe(UNKNOWN);
    expect(set.remember(i, Mark.Open)).toBe(true);
    expect(set.find(key, 4711, false, 0)).toBe(i);
  }
});

test('the same connection in another table is another one', () => {
  const set = new ConnectionSet(ConnectionSet.createMemory({}, HASH_KEY));
  const key = randomKey(new PacketKey(), randomNumbers(3));
  set.find(key, 4711, false, 5);
  set.remember(101, Mark.Open);
  expect(set.find(key, 4711, false, 6)).toBe(UNKNOWN);
  set.sweep(6, () => false);
  expect(set.find(key, 4711, false, 5)).toBe(101);
  set.sweep(5, () => false);
  expect(set.find(key, 4711, false, 5)).toBe(UNKNOWN);
  expect(set.occupied).toBe(false);
});

test.each<[string, Mark, number]>([
  ['of which only the beginning was seen', Mark.Begun, 30],
  ['that has shown more', Mark.Open, 100],
  ['that has ended', Mark.Closing, 60],
])('a connection %s (mark %d) is remembered for %d s without packets', (_name, mark, seconds) => {
  const set = new ConnectionSet(ConnectionSet.createMemory({}, HASH_KEY), { idle: 100 });
  const key = randomKey(new PacketKey(), randomNumbers(3));
  // Just before the seconds in a place begin anew, and at other times.
  for (const begin of [0, 1_700_000_000, 2 ** 20 - 10]) {
    set.now = begin * 1000;
    expect(set.find(key, 4711, false, 0)).toBe(UNKNOWN);
    expect(set.remember(101, mark)).toBe(true);
    set.now = (begin + 20) * 1000;
    expect(set.find(key, 4711, false, 0)).toBe(101);
    set.use(Mark.Begun);
    set.now = (begin + 20 + seconds) * 1000;
    expect(set.find(key, 4711, false, 0)).toBe(101);
    set.now = (begin + 21 + seconds) * 1000;
    expect(set.find(key, 4711, false, 0)).toBe(UNKNOWN);
    set.sweep(0, () => true);
    expect(set.occupied).toBe(false);
  }
});

test('a connection that two threads remember at the same time is remembered once, as the first one has it', () => {
  const memory = ConnectionSet.createMemory({}, HASH_KEY);
  const [one, other] = [new ConnectionSet(memory), new ConnectionSet(memory)];
  const key = randomKey(new PacketKey(), randomNumbers(3));
  for (const set of [one, other]) expect(set.find(key, 4711, false, 0)).toBe(UNKNOWN);
  expect([other.remember(102, Mark.Open), one.remember(101, Mark.Open)]).toEqual([true, true]);
  for (const set of [one, other]) expect(set.find(key, 4711, false, 0)).toBe(102);
  expect(one.counts).toEqual({ remembered: 1, begun: 0, learned: 1, refused: 0 });
});

test('a thread whose clock is behind knows the connections of one whose clock is ahead', () => {
  const memory = ConnectionSet.createMemory({}, HASH_KEY);
  const [ahead, behind] = [new ConnectionSet(memory), new ConnectionSet(memory)];
  ahead.now = 5000;
  behind.now = 4999;
  const key = randomKey(new PacketKey(), randomNumbers(3));
  ahead.find(key, 4711, false, 0);
  ahead.remember(101, Mark.Open);
  expect(behind.find(key, 4711, false, 0)).toBe(101);
  behind.sweep(0, (_hash, _fwmark, seconds) => seconds < 0);
  expect(behind.counts.remembered).toBe(1);
});

test.each([
  ['hash', HASH],
  ['fwmark', FWMARK],
])('a place that another thread is just filling is not believed: its %s is already that of another connection', (_name, word) => {
  const memory = ConnectionSet.createMemory({ connections: 8 }, HASH_KEY);
  const set = new ConnectionSet(memory, { connections: 8 });
  const key = randomKey(new PacketKey(), randomNumbers(3));
  set.find(key, 4711, false, 0);
  set.remember(101, Mark.Open);
  const words = new Int32Array(memory);
  const place = words.findIndex((_, i) => i >= HEADER && (i - HEADER) % PLACE_WORDS === USE && words[i] !== 0) - USE;
  words[place + word]!++;
  expect(set.find(key, 4711, false, 0)).toBe(UNKNOWN);
  words[place + word]!--;
  expect(set.find(key, 4711, false, 0)).toBe(101);
});

test('without the key, it is not known which connections share a set', () => {
  const places = (key: readonly [number, number]): string => {
    const memory = ConnectionSet.createMemory({ connections: 100 }, key);
    const set = new ConnectionSet(memory, { connections: 100 });
    const random = randomNumbers(5);
    for (let i = 0; i < 20; i++) {
      const packetKey = randomKey(new PacketKey(), random);
      set.find(packetKey, packetKey.hashAll(), false, 0);
      set.remember(i, Mark.Open);
    }
    const words = new Int32Array(memory, 4 * HEADER, tablesFrom(setsFor(100)) - HEADER);
    return Array.from({ length: words.length / PLACE_WORDS }, (_, place) => (words[PLACE_WORDS * place + USE] === 0 ? 0 : 1)).join('');
  };
  expect(places([1, 2])).not.toBe(places([3, 4]));
});

test.each([0, 1.5, 2 ** 22])('room for %d connections is refused', (connections) => {
  expect(() => ConnectionSet.createMemory({ connections }, HASH_KEY)).toThrow(
    `connections ${connections}: must be a whole number from 1 to`,
  );
});

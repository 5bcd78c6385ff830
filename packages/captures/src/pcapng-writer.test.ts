import { expect, test } from 'vitest';
import { pcapngHeader, pcapngPacket } from './pcapng-writer.js';

const u32 = (...values: number[]): number[] =>
  values.flatMap((value) => [value & 0xff, (value >> 8) & 0xff, (value >> 16) & 0xff, value >>> 24]);

test('the header, octet by octet as in the draft', () => {
  expect([...pcapngHeader('ab', 'c')]).toEqual([
    ...u32(0x0a0d0d0a, 40, 0x1a2b3c4d, 1, -1, -1),
    ...[4, 0, 2, 0, 0x61, 0x62, 0, 0],
    ...u32(0, 40),
    ...u32(1, 40, 101, 0),
    ...[2, 0, 1, 0, 0x63, 0, 0, 0],
    ...[9, 0, 1, 0, 9, 0, 0, 0],
    ...u32(0, 40),
  ]);
});

test('a packet: time in nanoseconds, octets and comment padded', () => {
  // 1700000000.000000001 s = 0x17979cfe_362a0001 ns.
  const block = pcapngPacket({
    seconds: 1_700_000_000,
    nanoseconds: 1,
    octets: Uint8Array.of(1, 2, 3, 4, 5),
    wireLength: 1500,
    comment: 'é€😀',
  });
  const time = 1_700_000_000_000_000_001n;
  expect([...block]).toEqual([
    ...u32(6, 68, 0, Number(time >> 32n), Number(time & 0xffffffffn) | 0, 5, 1500),
    ...[1, 2, 3, 4, 5, 0, 0, 0],
    ...[1, 0, 9, 0, ...Buffer.from('é€😀'), 0, 0, 0],
    ...[2, 0, 4, 0, 1, 0, 0, 0],
    ...u32(0, 68),
  ]);
});

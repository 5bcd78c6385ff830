import { extractKey, Kind, PacketKey, Reason } from '@nfqlb/core';
import { packet } from '@nfqlb/core/testing';
import { expect, test } from 'vitest';
import { PacketNote, PacketRing, SNAP_LENGTH, type TracedPacket } from './packet-ring.js';

const bytes = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(20).build();
const key = new PacketKey();
extractKey(key, bytes, 0, bytes.length, 0x0800, 0);

function note(hash: number): PacketNote {
  return Object.assign(new PacketNote(), {
    areas: 66,
    time: 1_700_000_000_000.25 + hash,
    fwmark: 101,
    reason: Reason.Balanced,
    kind: Kind.Normal,
    hash: hash | 0,
    bucket: 12,
    buckets: 997,
    flow: 3,
    generation: 4,
    traceFlow: -1,
    traceGeneration: 5,
    etherType: 0x0800,
    wireLength: 1500,
  });
}

function takeAll(ring: PacketRing): TracedPacket[] {
  const all: TracedPacket[] = [];
  for (let taken = ring.take(); taken; taken = ring.take()) all.push(taken);
  return all;
}

test('returns packets unchanged', () => {
  const ring = new PacketRing();
  expect(ring.take()).toBeUndefined();
  const region = new Uint8Array(1000);
  region.set(bytes, 77);
  // The other thread's view of the ring.
  new PacketRing(ring.memory).put(note(0xfedcba98), key, region, 77, bytes.length);
  const [taken, ...more] = takeAll(ring);
  expect(more).toEqual([]);
  const { octets, key: copied, ...rest } = taken!;
  expect(rest).toEqual({ ...note(0xfedcba98), hash: 0xfedcba98 });
  expect(octets).toEqual(bytes);
  expect([copied.words, copied.family, copied.fragmentId]).toEqual([key.words, 4, 0]);
});

test('keeps only the beginning of a long packet', () => {
  const ring = new PacketRing();
  const long = new Uint8Array(SNAP_LENGTH + 100).map((_, i) => i);
  ring.put(note(1), key, long, 0, long.length);
  expect(ring.take()!.octets).toEqual(long.subarray(0, SNAP_LENGTH));
});

test('when full, keeps the oldest packets and counts the rest, without blocking; works again once read, through many wraps', () => {
  const ring = new PacketRing();
  let lost = 0;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 5000; i++) ring.put(note(i), key, bytes, 0, bytes.length);
    const hashes = takeAll(ring).map(({ hash }) => hash);
    expect(hashes).toEqual(Array.from(hashes.keys()));
    expect(hashes.length).toBeGreaterThan(1000);
    lost += 5000 - hashes.length;
    expect(ring.lost).toBe(lost);
  }
});

test('can be cleared', () => {
  const ring = new PacketRing();
  for (let i = 0; i < 10; i++) ring.put(note(i), key, bytes, 0, bytes.length);
  ring.clear();
  ring.put(note(99), key, bytes, 0, bytes.length);
  expect(takeAll(ring).map(({ hash }) => hash)).toEqual([99]);
});

test('the worker sees what to trace', () => {
  const ring = new PacketRing();
  const worker = new PacketRing(ring.memory);
  ring.areas = 66;
  ring.flows = 7;
  expect([worker.areas, worker.flows]).toEqual([66, 7]);
});

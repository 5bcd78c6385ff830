import { Reason } from '@nfqlb/core';
import { describe, expect, test } from 'vitest';
import { Counters, WorkerCounters } from './counters.js';
import { BATCH_BOUNDS, batchBucket, TURN_BOUNDS, turnBucket } from './loop-histogram.js';
import { MAX_TARGETS } from './target-counts.js';

/** `Queue.clock` after a turn of this many milliseconds. */
const took = (milliseconds: number): Float64Array => Float64Array.of(0, milliseconds);

describe('the counters of workers', () => {
  test('are available as a sum, and for each worker', () => {
    const counters = new Counters(2);
    const [first, second] = [0, 1].map((worker) => new WorkerCounters(counters.memory, worker)) as [WorkerCounters, WorkerCounters];
    first.count(101, Reason.Balanced, 100);
    first.count(-1, Reason.Malformed, 20);
    first.countTurn(2, took(0.02));
    first.countTurn(0, took(5));
    second.count(101, Reason.FragmentKnown, 1500);
    second.count(-2, Reason.FragmentStored, 700);
    second.countTurn(2, took(0.3));
    const sum = counters.sum();
    expect(sum).toMatchObject({ packets: 4, batches: 2, turns: 3 });
    expect([sum.accepted[Reason.Balanced], sum.acceptedOctets[Reason.Balanced]]).toEqual([1, 100]);
    expect([sum.dropped[Reason.FragmentStored], sum.droppedOctets[Reason.FragmentStored]]).toEqual([1, 700]);
    expect(counters.of(0)).toMatchObject({ packets: 2, batches: 1, turns: 2 });
    expect(counters.of(0).turnTimes).toEqual({ buckets: [0, 0, 1, ...new Array(TURN_BOUNDS.length - 2).fill(0)], sum: 20 });
    expect(counters.of(1).batchSizes).toEqual({ buckets: [0, 1, ...new Array(BATCH_BOUNDS.length - 1).fill(0)], sum: 2 });
  });

  test('have the longest turn of each worker since the last call', () => {
    const counters = new Counters(2);
    const own = new WorkerCounters(counters.memory, 1);
    own.countTurn(3, took(0.5));
    own.countTurn(0, took(7));
    own.countTurn(1, took(2));
    expect(counters.takeLongestTurns()).toEqual([0, 7000]);
    expect(counters.takeLongestTurns()).toEqual([0, 0]);
  });

  test('count targets by fwmark, including the lowest and the highest', () => {
    const counters = new Counters(2);
    for (const worker of [0, 1]) {
      const own = new WorkerCounters(counters.memory, worker);
      for (const fwmark of [0, 1, 101, 0x7fffffff]) own.count(fwmark, Reason.Balanced, 10);
      own.count(-1, Reason.NoTarget, 10);
    }
    expect(counters.targets()).toEqual({
      targets: new Map([0, 1, 101, 0x7fffffff].map((fwmark) => [fwmark, { packets: 2, octets: 20 }])),
      others: { packets: 0, octets: 0 },
    });
  });

  test('count targets beyond the limit together', () => {
    const counters = new Counters(1);
    const own = new WorkerCounters(counters.memory, 0);
    // Without hashing, multiples of 2¹³ would all collide in one slot.
    for (let round = 0; round < 2; round++) for (let i = 0; i < MAX_TARGETS + 5; i++) own.count(i * 8192, Reason.Balanced, 3);
    const { targets, others } = counters.targets();
    expect(targets.size).toBe(MAX_TARGETS);
    expect([...targets.values()].every(({ packets, octets }) => packets === 2 && octets === 6)).toBe(true);
    expect(others).toEqual({ packets: 10, octets: 30 });
  });
});

describe('histograms: the bucket of a value is that of the first bound that', () => {
  test('is not below it: packets per batch', () => {
    for (let packets = 1; packets <= 256; packets++) {
      expect(batchBucket(packets)).toBe(BATCH_BOUNDS.findIndex((bound) => packets <= bound));
    }
  });

  test('is above it: microseconds per turn', () => {
    for (const microseconds of [0, 0.5, 7.99, 8, 15.99, 16, 100, 1000.5, 131_071.9, 131_072, 1e6, 4e9]) {
      const first = TURN_BOUNDS.findIndex((bound) => microseconds < bound);
      expect(turnBucket(microseconds)).toBe(first < 0 ? TURN_BOUNDS.length : first);
    }
  });
});

import { Worker } from 'node:worker_threads';
import { MAX_INPUT } from './mutation.js';

/** What the watchdog looks at. */
export interface WatchedMemory {
  /** Inputs tried so far; length of the present one. */
  readonly words: Int32Array;
  readonly octets: Uint8Array;
  /** How long an input may take, in milliseconds. */
  readonly limit: number;
}

/** Starts a watchdog. @returns tell it of each input */
export function watch(limit: number): (input: Uint8Array) => void {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const octets = new Uint8Array(new SharedArrayBuffer(MAX_INPUT));
  const workerData: WatchedMemory = { words, octets, limit };
  new Worker(new URL('./watchdog.js', import.meta.url), { workerData }).unref();
  return (input) => {
    octets.set(input.subarray(0, MAX_INPUT));
    words[1] = Math.min(input.length, MAX_INPUT);
    Atomics.add(words, 0, 1);
  };
}

import type { Collections } from './figures.js';

/**
 * Reads what V8 writes with `--trace-gc`, one line for each pause of each of its threads:
 * `[28914:0x7fe818000f00]   14 ms: Scavenge 3.2 (3.2) -> 2.8 (4.2) MB, 0.74 / 0.00 ms  (average mu = 1.000, …) allocation failure;`
 *
 * A `PerformanceObserver` would not do: workers wait for packets in a system call, so their event loops deliver nothing.
 */
export function garbageCollections(trace: string): Collections {
  const pauses = [...trace.matchAll(/ ms: [^\n]*? MB, (?:pooled: [\d.]+ MB, )?([\d.]+) \/ [\d.]+ ms/g)].map(([, pause]) => Number(pause));
  return { count: pauses.length, total: pauses.reduce((sum, pause) => sum + pause, 0), longest: Math.max(0, ...pauses) };
}

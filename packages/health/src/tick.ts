/**
 * What has time waits for the next of these instants, ms apart, so that much of it shares one turn of the event loop and one timer. Together with one
 * poll(2) for all sockets, this halves the CPU time of as many of Node's own sockets and timers (bench/checks.bench.ts).
 */
const TICK_MS = 25;

/** What is to be called, by tick: the number of {@link TICK_MS} since the start of the process. */
const waiting = new Map<number, Set<() => void>>();
let timer: NodeJS.Timeout | undefined;
/** The next tick at which something is to be called. */
let next = Number.POSITIVE_INFINITY;

/**
 * Calls back at the first tick at or after an instant.
 *
 * @param at ms of `performance.now`
 * @param callback not one that waits already
 * @returns what prevents the call
 */
export function atTick(at: number, callback: () => void): () => void {
  const tick = Math.ceil(at / TICK_MS);
  const others = waiting.get(tick);
  if (others) others.add(callback);
  else waiting.set(tick, new Set([callback]));
  if (tick < next) wakeAt(tick);
  return () => {
    const left = waiting.get(tick);
    if (left?.delete(callback) && left.size === 0) waiting.delete(tick);
    // Nothing keeps the process alive any more.
    if (waiting.size === 0) wakeAt(Number.POSITIVE_INFINITY);
  };
}

function wakeAt(tick: number): void {
  next = tick;
  clearTimeout(timer);
  if (tick < Number.POSITIVE_INFINITY) timer = setTimeout(wake, Math.ceil(tick * TICK_MS - performance.now()));
}

function wake(): void {
  const now = performance.now() / TICK_MS;
  const due = [...waiting].filter(([tick]) => tick <= now).sort(([a], [b]) => a - b);
  for (const [tick] of due) waiting.delete(tick);
  wakeAt(Math.min(Number.POSITIVE_INFINITY, ...waiting.keys()));
  for (const [, calls] of due) for (const call of calls) call();
}

/**
 * What has time waits for the next of these instants, ms apart, so that much of it shares one turn of the event loop. Together with one poll(2) for
 * all sockets, this halves the CPU time of as many of Node's own sockets and timers (bench/checks.bench.ts).
 */
const TICK_MS = 25;

/**
 * Calls back at the first tick at or after an instant.
 *
 * @param at ms of `performance.now`
 */
export function atTick(at: number, callback: () => void): NodeJS.Timeout {
  const tick = Math.ceil(at / TICK_MS) * TICK_MS;
  return setTimeout(callback, Math.ceil(tick - performance.now()));
}

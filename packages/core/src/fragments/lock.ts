// A lock in one word of memory that threads share: U. Drepper, "Futexes Are Tricky", the second mutex.

const FREE = 0;
const HELD = 1;
/** Held, and others may sleep until it is free. */
const AWAITED = 2;

/** How often to look again before sleeping: a bucket is held for about 100 ns, to sleep and wake up takes some µs. */
const PATIENCE = 100;

/** Takes the lock that is the word `at`; waits while another thread holds it. */
export function lock(words: Int32Array, at: number): void {
  if (!tryLock(words, at)) wait(words, at);
}

/** Takes the lock if nobody holds it. */
export function tryLock(words: Int32Array, at: number): boolean {
  return Atomics.compareExchange(words, at, FREE, HELD) === FREE;
}

export function unlock(words: Int32Array, at: number): void {
  if (Atomics.exchange(words, at, FREE) === AWAITED) Atomics.notify(words, at, 1);
}

function wait(words: Int32Array, at: number): void {
  for (let i = 0; i < PATIENCE; i++) if (tryLock(words, at)) return;
  while (Atomics.exchange(words, at, AWAITED) !== FREE) Atomics.wait(words, at, AWAITED);
}

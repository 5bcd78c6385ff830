// A lock in one word of memory that threads share: U. Drepper, "Futexes Are Tricky", the second mutex.

const FREE = 0;
const HELD = 1;
/** Held, and other threads may be asleep waiting for it. */
const CONTENDED = 2;

/** Attempts before sleeping: a bucket is held for about 100 ns, while going to sleep and waking up takes some µs. */
const SPINS = 100;

/** Takes the lock that is the word `at`; waits while another thread holds it. */
export function lock(words: Int32Array, at: number): void {
  if (!tryLock(words, at)) wait(words, at);
}

/** Takes the lock if nobody holds it. */
export function tryLock(words: Int32Array, at: number): boolean {
  return Atomics.compareExchange(words, at, FREE, HELD) === FREE;
}

export function unlock(words: Int32Array, at: number): void {
  if (Atomics.exchange(words, at, FREE) === CONTENDED) Atomics.notify(words, at, 1);
}

/**
 * Takes the lock unless another thread holds it for all of `timeout` milliseconds. For threads that must not wait for ever: the holder may
 * have died.
 */
export function lockWithin(words: Int32Array, at: number, timeout: number): boolean {
  for (let i = 0; i < SPINS; i++) if (tryLock(words, at)) return true;
  if (Atomics.exchange(words, at, CONTENDED) === FREE) return true;
  Atomics.wait(words, at, CONTENDED, timeout);
  return Atomics.exchange(words, at, CONTENDED) === FREE;
}

/** Whether a thread holds the lock, at each of several looks. */
export function isHeld(words: Int32Array, at: number): boolean {
  for (let i = 0; i < SPINS; i++) if (Atomics.load(words, at) === FREE) return false;
  return true;
}

function wait(words: Int32Array, at: number): void {
  for (let i = 0; i < SPINS; i++) if (tryLock(words, at)) return;
  while (Atomics.exchange(words, at, CONTENDED) !== FREE) Atomics.wait(words, at, CONTENDED);
}

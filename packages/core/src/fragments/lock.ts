// A lock in one word of shared memory: U. Drepper, "Futexes Are Tricky", the second mutex.

const FREE = 0;
const HELD = 1;
/** Held, and other threads may be asleep waiting for it. */
const CONTENDED = 2;

/** Attempts before sleeping: a bucket is held for about 100 ns, while going to sleep and waking up takes some µs. */
const SPINS = 100;

/** Acquires the lock in word `at`; waits while another thread holds it. */
export function lock(words: Int32Array, at: number): void {
  if (!tryLock(words, at)) wait(words, at);
}

/** Acquires the lock if it is free. */
export function tryLock(words: Int32Array, at: number): boolean {
  return Atomics.compareExchange(words, at, FREE, HELD) === FREE;
}

export function unlock(words: Int32Array, at: number): void {
  if (Atomics.exchange(words, at, FREE) === CONTENDED) Atomics.notify(words, at, 1);
}

/** Acquires the lock, unless another thread holds it for some µs: for threads that can do without. */
export function lockWithinSpins(words: Int32Array, at: number): boolean {
  for (let i = 0; i < SPINS; i++) if (tryLock(words, at)) return true;
  return false;
}

/**
 * Acquires the lock, unless another thread holds it for `timeout` milliseconds. For threads that must not wait forever, because the holder may have
 * died.
 */
export function lockWithin(words: Int32Array, at: number, timeout: number): boolean {
  if (lockWithinSpins(words, at)) return true;
  if (Atomics.exchange(words, at, CONTENDED) === FREE) return true;
  Atomics.wait(words, at, CONTENDED, timeout);
  return Atomics.exchange(words, at, CONTENDED) === FREE;
}

/** Whether the lock is held at each of several checks. */
export function isHeld(words: Int32Array, at: number): boolean {
  for (let i = 0; i < SPINS; i++) if (Atomics.load(words, at) === FREE) return false;
  return true;
}

function wait(words: Int32Array, at: number): void {
  for (let i = 0; i < SPINS; i++) if (tryLock(words, at)) return;
  while (Atomics.exchange(words, at, CONTENDED) !== FREE) Atomics.wait(words, at, CONTENDED);
}

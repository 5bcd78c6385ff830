// Stops work on shared memory at each of its atomic operations, where other threads may see it, or a signal end it. The hook is what another thread does
// meanwhile; it runs in this one, so that each order of steps is tried once, every time the same.

const OPERATIONS = ['load', 'store', 'or', 'add', 'exchange', 'compareExchange', 'sub', 'and'] as const;

/** Thrown into work that is to end at a step, as `kill -9` would. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/**
 * Does work, and calls a hook before each atomic operation of it.
 *
 * @param hook gets the number of the operation, from 0; its own operations are not counted
 * @returns number of operations
 */
export function atEachStep(work: () => void, hook: (step: number) => void): number {
  const atomics = Atomics as unknown as Record<string, (...args: unknown[]) => unknown>;
  const original = OPERATIONS.map((name) => [name, atomics[name]!] as const);
  const restore = (): void => {
    for (const [name, operation] of original) atomics[name] = operation;
  };
  let steps = 0;
  const patch = (): void => {
    for (const [name, operation] of original) {
      atomics[name] = (...args) => {
        restore();
        try {
          hook(steps++);
        } finally {
          patch();
        }
        return operation(...args);
      };
    }
  };
  patch();
  try {
    work();
  } finally {
    restore();
  }
  return steps;
}

/** Does work up to one of its atomic operations, and ends there. @returns whether it got as far as that */
export function killedAt(step: number, work: () => void): boolean {
  try {
    atEachStep(work, (now) => {
      if (now === step) throw new Killed();
    });
    return false;
  } catch (error) {
    if (error instanceof Killed) return true;
    throw error;
  }
}

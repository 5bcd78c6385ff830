import { test } from 'vitest';
import type { Proof } from '../matrix/behaviours.js';

declare module 'vitest' {
  interface TaskMeta {
    /** The cell of the matrix that a test proves by passing. */
    proves?: Proof;
  }
}

/**
 * A `test` that proves a cell of the matrix:
 *
 * ```ts
 * describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues', (circumstances) => {
 *   behaviour('all targets answer', { behaviour: 'nat', ...circumstances }, async () => { … });
 * });
 * ```
 *
 * A cell that several tests prove has passed when all of them have.
 *
 * @param timeout milliseconds; default: the project's
 */
export function behaviour(title: string, proves: Proof, body: () => void | Promise<void>, timeout?: number): void {
  test(
    title,
    async ({ task }) => {
      task.meta.proves = proves;
      await body();
    },
    timeout,
  );
}

import { test } from 'vitest';
import type { Proof } from '../matrix/behaviours.js';
import { missingBpfFileSystem } from './describe-fast-path.js';
import { describeUnless } from './describe-unless.js';

declare module 'vitest' {
  interface TaskMeta {
    /** The matrix cell that a test proves if it passes. */
    proves?: Proof;
  }
}

/**
 * A `test` that proves a matrix cell:
 *
 * ```ts
 * describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues', (circumstances) => {
 *   behaviour('all targets answer', { behaviour: 'nat', ...circumstances }, async () => { … });
 * });
 * ```
 *
 * A cell with several tests passes when all of them pass.
 *
 * @param timeout milliseconds; default: the project's
 */
export function behaviour(title: string, proves: Proof, body: () => void | Promise<void>, timeout?: number): void {
  const define = (): void => {
    test(
      title,
      async ({ task }) => {
        task.meta.proves = proves;
        await body();
      },
      timeout,
    );
  };
  const missing = proves.fast === true ? missingBpfFileSystem() : undefined;
  if (missing === undefined) define();
  else describeUnless(missing, title, define);
}

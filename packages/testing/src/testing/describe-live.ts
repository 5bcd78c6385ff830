import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

/** `describe` for tests of the live world. If it cannot be, it prints why and skips; fails under CI. */
export function describeLive(title: string, tests: () => void | Promise<void>): void {
  const { status, stderr, error } = spawnSync('unshare', ['--net', 'true'], { encoding: 'utf8' });
  if (status === 0) {
    describe(title, tests);
    return;
  }
  const reason = `needs permission to create network namespaces: ${error?.message ?? stderr.trim()}`;
  console.warn(`${title}: ${reason}`);
  if (process.env.CI) {
    test(title, () => {
      throw new Error(reason);
    });
  } else describe.skip(`${title}: ${reason}`, tests);
}

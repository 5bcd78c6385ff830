import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';
import { missingCapabilities } from '../kernel/system-error.js';

/**
 * `describe` for tests that load programs into the kernel. Without the capabilities, or one of these programs, it prints why and skips; fails under CI.
 *
 * @param programs and the Debian packages that provide them
 */
export function describeKernel(title: string, tests: () => void, programs: Readonly<Record<string, string>> = {}): void {
  const missing = [
    ...missingCapabilities(),
    ...Object.entries(programs).flatMap(([program, debian]) =>
      spawnSync(program, ['--version']).error ? [`${program} (Debian package ${debian})`] : [],
    ),
  ];
  if (missing.length === 0) {
    describe(title, tests);
    return;
  }
  const reason = `needs ${missing.join(', ')}`;
  console.warn(`${title}: ${reason}`);
  if (process.env.CI) {
    test(title, () => {
      throw new Error(reason);
    });
  } else {
    describe.skip(`${title}: ${reason}`, tests);
  }
}

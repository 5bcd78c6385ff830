import { execFileSync } from 'node:child_process';

/** An unprivileged user, unrelated to the tests. */
export const NOBODY = 65534;

/** Runs a shell command as another user, and returns its output. */
export function asUser(uid: number, line: string): string {
  return execFileSync('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'sh', '-ec', line], { encoding: 'utf8' });
}

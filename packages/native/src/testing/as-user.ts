import { execFileSync } from 'node:child_process';

/** A user without privileges who has nothing to do with the tests. */
export const NOBODY = 65534;

/** Runs a line of shell as another user, and gives what it prints. */
export function asUser(uid: number, line: string): string {
  return execFileSync('setpriv', [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'sh', '-ec', line], { encoding: 'utf8' });
}

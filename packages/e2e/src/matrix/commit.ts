import { execFileSync } from 'node:child_process';

/** The commit that is checked out in a folder, and whether files differ from it; `unknown` outside a Git repository. */
export function commitOf(folder: string): string {
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const commit = git('rev-parse', 'HEAD').slice(0, 12);
    return git('status', '--porcelain') === '' ? commit : `${commit} with uncommitted changes`;
  } catch {
    return 'unknown';
  }
}

import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describeFailure } from '@nfqlb/options';

/** How often the file is read. Polling notices every kind of change: overwritten, renamed, a retargeted symbolic link. */
const INTERVAL_MS = 500;

/**
 * Calls `use` with the text of a file, and again whenever it changes, until `stopped`. Failures are reported, and retried at each poll; the
 * previous state stays in place meanwhile.
 *
 * @param report called with a one-line failure, once until it changes
 */
export async function watchFile(
  file: string,
  use: (text: string) => Promise<void>,
  report: (problem: string) => void,
  stopped: AbortSignal,
): Promise<void> {
  let used: string | undefined;
  let reported: string | undefined;
  while (!stopped.aborted) {
    try {
      const text = await readFile(file, 'utf8');
      if (text !== used) await use(text);
      used = text;
      reported = undefined;
    } catch (error) {
      const problem = describeFailure(error);
      if (problem !== reported) report(problem);
      reported = problem;
      used = undefined;
    }
    await pause(INTERVAL_MS, undefined, { signal: stopped }).catch(() => {});
  }
}

import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describeFailures } from '@nfqlb/options';

/** How often the file is read. Polling notices every kind of change: overwritten, renamed, a retargeted symbolic link. */
const INTERVAL_MS = 500;

/**
 * Calls `use` with the text of a file, and again whenever it changes, until `stopped`. Failures are reported, and retried at each poll; the
 * previous state stays in place meanwhile.
 *
 * @param report called with what is wrong, a line each, once until that changes
 */
export async function watchFile(
  file: string,
  use: (text: string) => Promise<void>,
  report: (problems: readonly string[]) => void,
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
      const problems = describeFailures(error);
      if (problems.join('\n') !== reported) report(problems);
      reported = problems.join('\n');
      used = undefined;
    }
    await pause(INTERVAL_MS, undefined, { signal: stopped }).catch(() => {});
  }
}

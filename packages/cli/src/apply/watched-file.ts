import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describeFailures } from '@nfqlb/options';

/** How often the file is read. Polling notices every kind of change: overwritten, renamed, a retargeted symbolic link. */
const INTERVAL_MS = 500;

/** A file that has changed is read again after this time: a text that is still being written may be valid, and yet not what is meant. */
const SETTLED_MS = 50;

/**
 * Calls `use` with the text of a file, and again whenever it changes, until `stopped`. Failures are reported, and retried at each poll; the
 * previous state stays in place meanwhile.
 *
 * @param report called with what is wrong, a line each, once until that changes; with nothing when all is well again
 * @param used the text that is in use already
 */
export async function watchFile(
  file: string,
  use: (text: string) => Promise<void>,
  report: (problems: readonly string[]) => void,
  stopped: AbortSignal,
  used?: string,
): Promise<void> {
  let inUse = used;
  let reported: string | undefined;
  while (!stopped.aborted) {
    try {
      const text = await readFile(file, 'utf8');
      if (text !== inUse) {
        if (!(await isSettled(file, text))) continue;
        inUse = undefined;
        await use(text);
      }
      inUse = text;
      if (reported !== undefined) report([]);
      reported = undefined;
    } catch (error) {
      const problems = describeFailures(error);
      if (problems.join('\n') !== reported) report(problems);
      reported = problems.join('\n');
    }
    await pause(INTERVAL_MS, undefined, { signal: stopped }).catch(() => {});
  }
}

async function isSettled(file: string, text: string): Promise<boolean> {
  await pause(SETTLED_MS);
  return (await readFile(file, 'utf8')) === text;
}

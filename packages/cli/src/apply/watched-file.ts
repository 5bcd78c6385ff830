import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describeFailure } from '@nfqlb/options';

/** How often the file is read, in milliseconds. Reading it finds all ways in which it can change: written over, renamed, a link that leads elsewhere. */
const INTERVAL = 500;

/**
 * Calls `use` with the text of a file, and again whenever there is another, until `stopped`. What fails is reported, and tried again with each look;
 * what is in place stays meanwhile.
 *
 * @param report told of a failure in one line, once as long as it stays the same
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
    await pause(INTERVAL, undefined, { signal: stopped }).catch(() => {});
  }
}

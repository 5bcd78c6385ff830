import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { describeFailures } from '@nfqlb/options';

/** How often a text is read. Polling notices every kind of change of a file: overwritten, renamed, a retargeted symbolic link. */
const INTERVAL_MS = 500;

/** A text that has changed is read again after this time: one that is still being written may be valid, and yet not what is meant. */
const SETTLED_MS = 50;

/** {@link watchText} of a file. */
export function watchFile(file: string, ...watch: Rest<Parameters<typeof watchText>>): Promise<void> {
  return watchText(() => readFile(file, 'utf8'), ...watch);
}

type Rest<T extends readonly unknown[]> = T extends readonly [unknown, ...infer R] ? R : never;

/**
 * Calls `use` with a text, and again whenever it changes, until `stopped`. Failures are reported, and retried at each poll; the previous state stays in
 * place meanwhile.
 *
 * @param read the text now
 * @param report called with what is wrong, a line each, once until that changes; with nothing when all is well again
 * @param used the text that is in use already
 */
export async function watchText(
  read: () => Promise<string>,
  use: (text: string) => Promise<void>,
  report: (problems: readonly string[]) => void,
  stopped: AbortSignal,
  used?: string,
): Promise<void> {
  let inUse = used;
  let reported: string | undefined;
  while (!stopped.aborted) {
    try {
      const text = await read();
      if (text !== inUse) {
        if (!(await isSettled(read, text))) continue;
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

async function isSettled(read: () => Promise<string>, text: string): Promise<boolean> {
  await pause(SETTLED_MS);
  return (await read()) === text;
}

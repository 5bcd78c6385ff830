import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { UsageError } from '@nfqlb/options';

/** Options of `lb`, `flowlb` and `run` for taking over from one that runs. */
export interface TakeoverOptions {
  readonly takeover?: true;
  readonly background?: true;
}

const OPTION = '--background';

/** What the process in the background says to this one. */
const READY = 'ready';

/**
 * Starts this program once more in the background, without `--background`. Resolves when that balances packets; sets the exit status if it fails, which it
 * explains itself. For a service manager's reload, which waits for its command, and which the new process has to outlive.
 *
 * @returns false if it was not asked for
 */
export async function startedInBackground({ takeover, background }: TakeoverOptions): Promise<boolean> {
  if (!background) return false;
  if (!takeover) throw new UsageError('invalid-value', 'only with --takeover', { option: OPTION });
  const args = process.argv.slice(1).filter((arg) => arg !== OPTION);
  const child = spawn(process.execPath, [...process.execArgv, ...args], { detached: true, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit').then(() => [])])) as [unknown?];
  if (message === READY) {
    child.disconnect();
    child.unref();
  } else {
    process.exitCode = 1;
  }
  return true;
}

/** Tells the process that started this one in the background, if one did, that packets are balanced. */
export function tellReady(): void {
  if (!process.send) return;
  process.send(READY, () => process.disconnect?.());
}

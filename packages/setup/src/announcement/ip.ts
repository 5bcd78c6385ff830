import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { SetupError } from '../setup-error.js';
import { environment } from '../step.js';

/**
 * Runs `ip` beside the event loop, which has packets' workers to look after meanwhile.
 *
 * @param input lines for `-batch -`; each is tried, also after one that failed
 * @returns its output, and what it reported of lines that failed
 * @throws {@link SetupError} `missing-program`
 */
export async function ip(args: readonly string[], input: readonly string[] = []): Promise<{ stdout: string; errors: string[] }> {
  const child = spawn('ip', args, { env: environment(), stdio: ['pipe', 'pipe', 'pipe'] });
  // It may end without reading all of it.
  child.stdin.on('error', () => {});
  child.stdin.end(input.map((line) => `${line}\n`).join(''));
  const reads = [text(child.stdout), text(child.stderr)] as const;
  try {
    await once(child, 'close');
  } catch (cause) {
    throw new SetupError('missing-program', `ip cannot be run: ${(cause as Error).message}; on Debian: apt-get install iproute2`, {
      cause,
    });
  }
  const [stdout, stderr] = await Promise.all(reads);
  const errors = stderr.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('Command failed'));
  return { stdout, errors: errors.map((line) => line.replace(/^(Error|RTNETLINK answers): /, '')) };
}

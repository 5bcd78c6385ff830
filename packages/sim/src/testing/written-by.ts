import { run } from '@nfqlb/options';
import { vi } from 'vitest';
import { sim } from '../program.js';
import type { Outcome } from './bundled-program.js';

/** What `nfqlb-sim` writes and its exit status, run within this process: faster than {@link bundledProgram}, without its threads. */
export async function writtenBy(...args: readonly string[]): Promise<Outcome> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  process.exitCode = undefined;
  try {
    await run(sim(), [...args]);
    return { stdout: stdout.mock.calls.join(''), stderr: stderr.mock.calls.join(''), status: Number(process.exitCode ?? 0) };
  } finally {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  }
}

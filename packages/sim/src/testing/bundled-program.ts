import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };

const root = fileURLToPath(new URL('../../', import.meta.url));

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Builds the program from these sources, as it is published, into a folder. @returns what runs it */
export function bundledProgram(folder: string): (args: readonly string[], input?: Uint8Array) => Outcome {
  const [command, ...args] = manifest.scripts.build.split(' && ')[0]!.split(' ');
  if (command !== 'node') throw new Error('the script build of package.json does not begin with a command of node');
  execFileSync(process.execPath, [...args, `--outdir=${folder}`], { cwd: root });
  return (given, input) => spawnSync(process.execPath, [join(folder, 'sim.js'), ...given], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
}

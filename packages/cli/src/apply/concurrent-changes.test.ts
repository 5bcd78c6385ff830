// Eight processes change one table at random: they activate, deactivate, replace it, and apply configurations that fail and are undone. At
// the end the table must match some interleaving of their commands.

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SharedMemory } from '@nfqlb/native';
import { readTable, replaceTable } from '@nfqlb/protocol/tables';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MadeChange } from '../../test-programs/random-changes.js';

const PROCESSES = 8;
/** NFQLB_SOAK_SECONDS=30 runs it longer. */
const SECONDS = Number(process.env.NFQLB_SOAK_SECONDS ?? 3);
const NAME = `nfqlb-test-random-${process.pid}`;

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-random-'));
  await build({
    entryPoints: [fileURLToPath(new URL('../../test-programs/random-changes.ts', import.meta.url))],
    outfile: join(folder, 'random-changes.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    conditions: ['@nfqlb/source'],
    banner: { js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);" },
    define: { 'import.meta.url': JSON.stringify(new URL('../../../native/src/binding.ts', import.meta.url).href) },
    logLevel: 'warning',
  });
});
afterAll(() => {
  SharedMemory.unlink(NAME);
  rmSync(folder, { recursive: true });
});

interface Process {
  readonly own: readonly number[];
  readonly changes: number;
  readonly made: readonly MadeChange[];
}

/** Which fwmarks are active after these changes to an empty table. */
function after(changes: readonly MadeChange[]): string {
  const active = new Set<number>();
  for (const { kind, fwmark } of changes) {
    if (kind === 'activate') active.add(fwmark!);
    else active.delete(fwmark!);
  }
  return [...active].sort((a, b) => a - b).join();
}

/** Whether the process's own fwmarks match its changes, given when the table was last replaced. */
function agrees({ own, made }: Process, active: readonly number[], replaced: { begin: number; end: number }): boolean {
  const observed = own.filter((fwmark) => active.includes(fwmark)).join();
  const changes = made.filter(({ kind }) => kind !== 'replace');
  // Changes that ended before the replacement are lost, those that began after it are not; of the overlapping ones, any tail may remain.
  const least = changes.filter(({ begin }) => begin > replaced.end).length;
  const most = changes.filter(({ end }) => end >= replaced.begin).length;
  for (let count = least; count <= most; count++) if (after(changes.slice(changes.length - count)) === observed) return true;
  return false;
}

test('random changes by eight processes match some interleaving of them', { timeout: (SECONDS + 60) * 1000 }, async () => {
  replaceTable(NAME, { M: 97, N: 64 });
  const run = promisify(execFile);
  const processes = await Promise.all(
    Array.from({ length: PROCESSES }, async (_, i) => {
      const { stdout } = await run(process.execPath, [join(folder, 'random-changes.mjs'), NAME, `${i}`, `${SECONDS}`], {
        maxBuffer: 2 ** 26,
      });
      return JSON.parse(stdout) as Process;
    }),
  );
  const active = readTable(NAME, ({ fwmarks }) => fwmarks);
  for (const { changes } of processes) expect(changes).toBeGreaterThan(10);
  const replacements = processes[0]!.made.filter(({ kind }) => kind === 'replace');
  expect(replacements.length).toBeGreaterThan(0);
  expect(processes.map((each) => agrees(each, active, replacements.at(-1)!))).toEqual(processes.map(() => true));
});

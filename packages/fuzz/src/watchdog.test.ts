import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';

const SOURCES = fileURLToPath(new URL('.', import.meta.url));
const LIMIT_MS = 500;

/** A program that tells a watchdog of an input, and then does this. */
async function run(afterwards: string): Promise<{ readonly stdout: string; readonly signal: string | null }> {
  const folder = mkdtempSync(join(tmpdir(), 'nfqlb-watchdog-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const contents = `import { watch } from './watch.ts'; watch(${LIMIT_MS})(Uint8Array.of(1, 2, 3)); ${afterwards}`;
  const options = { bundle: true, platform: 'node', target: 'node20', format: 'esm' } as const;
  await build({ ...options, stdin: { contents, resolveDir: SOURCES }, outfile: join(folder, 'program.js') });
  await build({ ...options, entryPoints: [join(SOURCES, 'watchdog.ts')], outfile: join(folder, 'watchdog.js') });
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  const { stdout, signal } = spawnSync(process.execPath, [join(folder, 'program.js')], { encoding: 'utf8', timeout: 20_000 });
  return { stdout, signal };
}

test.each([
  ['that does not end', 'for (;;);'],
  ['that waits for a lock forever', 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);'],
  ['that never resolves', 'setInterval(() => {}, 1000);'],
])('an input %s ends the process, and is shown', async (_, endless) => {
  expect(await run(endless)).toEqual({ stdout: 'FAILED: it does not end\n  input AQID\n', signal: 'SIGKILL' });
});

test('one that ends in time is none of its business', async () => {
  expect(await run(`setTimeout(() => {}, ${LIMIT_MS / 5})`)).toEqual({ stdout: '', signal: null });
});

// What becomes of packets that wait when a worker is to end, or is to let fewer of them wait.

import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Outcome, Scenario } from '../testing/worker-program.js';

const needs = ['ip', 'iptables'].find((program) => spawnSync(program, ['-V']).error);
const missing = spawnSync('unshare', ['--net', 'true']).status === 0 ? needs : 'root, to create network namespaces';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-worker-'));
  const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  await build({
    entryPoints: [source('worker.ts'), source('../testing/worker-program.ts')],
    ...{ outdir: folder, entryNames: '[name]', outExtension: { '.js': '.mjs' } },
    ...{ bundle: true, platform: 'node', format: 'esm', conditions: ['@nfqlb/source'], logLevel: 'warning' },
    banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
    // binding.ts looks for the addon relative to its own file; a bundle has another path.
    define: { 'import.meta.url': JSON.stringify(new URL('../../../native/src/binding.ts', import.meta.url).href) },
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function outcomeOf(scenario: Scenario): Promise<Outcome> {
  const program = [process.execPath, join(folder, 'worker-program.mjs'), join(folder, 'worker.mjs'), scenario];
  const { stdout } = await promisify(execFile)('unshare', ['--net', ...program], { encoding: 'utf8' });
  return JSON.parse(stdout) as Outcome;
}

const title = 'a worker answers the packets that wait';
if (missing !== undefined) console.warn(`${title}: needs ${missing}`);
describe.skipIf(missing !== undefined && !process.env.CI)(title, () => {
  test('before it ends', async () => {
    const { sent, accepted } = await outcomeOf('stop');
    expect({ sent, accepted }).toEqual({ sent: 1000, accepted: 1000 });
  });

  test('before fewer may wait: the kernel would take no more of them', async () => {
    const { sent, accepted, queueDropped } = await outcomeOf('fewer');
    expect({ accepted, queueDropped }).toEqual({ accepted: sent, queueDropped: 0 });
    expect(sent).toBe(6200);
  });
});

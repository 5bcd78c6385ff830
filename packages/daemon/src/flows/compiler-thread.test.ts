import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { defineFlow, type Flow, FlowLookup } from '@nfqlb/core/flows';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CompilerThread } from './compiler-thread.js';
import type { CompileRequest } from './flow-compiler.js';

let folder: string;
let program: URL;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-compiler-'));
  const outfile = join(folder, 'flow-compiler-thread.mjs');
  const entryPoints = [fileURLToPath(new URL('./flow-compiler-thread.ts', import.meta.url))];
  const banner = { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" };
  buildSync({ entryPoints, outfile, bundle: true, platform: 'node', format: 'esm', conditions: ['@nfqlb/source'], banner });
  program = pathToFileURL(outfile);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const flow = (name: string): [string, Flow] => [
  name,
  defineFlow({ name, target: 't', dsts: '10.0.0.0/8,1000::/64', match: 'tcp[2:2]=80' }),
];
const request = (changes: readonly [string, Flow | undefined][], fromScratch = false): CompileRequest => ({
  changes: new Map(changes),
  fromScratch,
  promiscuousPing: false,
  memory: undefined,
});

test('compiles changes in a separate thread, into shared memory', async () => {
  const compiler = new CompilerThread(program);
  const first = await compiler.compile(request([flow('b'), flow('a')], true));
  expect(first.names).toEqual(['a', 'b']);
  expect(first.flows).toBeInstanceOf(SharedArrayBuffer);
  const second = await compiler.compile({ ...request([['a', undefined], flow('c')]), memory: first.flows });
  expect(second.names).toEqual(['b', 'c']);
  // The memory passed was large enough.
  expect(new FlowLookup(first.flows).nameOf(1)).toBe('c');
});

test('compiles in a program that has the lowest priority, and may not raise it', () => {
  const code = `
    const { Worker } = require('node:worker_threads');
    const thread = new Worker(new URL('${program}'));
    thread.on('message', ({ names }) => { console.log(names); process.exit(); });
    thread.postMessage({ changes: new Map(), fromScratch: true, promiscuousPing: false, memory: undefined });`;
  chmodSync(folder, 0o755);
  const options = { encoding: 'utf8', cwd: '/', ...(process.getuid!() === 0 ? { uid: 65534 } : {}) } as const;
  const { stdout, stderr } = spawnSync('nice', ['-n', '19', process.execPath, '--eval', code], options);
  expect({ stdout, stderr }).toEqual({ stdout: '[]\n', stderr: '' });
});

test('a thread that exits, fails or refuses fails only the current request; the next one starts a new thread', async () => {
  const file = join(folder, 'ending.mjs');
  const setHandler = (code: string): void =>
    writeFileSync(file, `import { parentPort } from 'node:worker_threads';\nparentPort.on('message', () => { ${code} });`);
  const compiler = new CompilerThread(pathToFileURL(file));
  for (const [code, why] of [
    ['process.exit()', 'the thread exited'],
    ["throw new Error('broken')", 'broken'],
    ["parentPort.postMessage('no memory')", 'no memory'],
  ] as const) {
    setHandler(code);
    await expect(compiler.compile(request([flow('a')], true))).rejects.toThrow(`flows cannot be compiled: ${why}`);
  }
});

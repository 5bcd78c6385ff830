import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

// A clone with these scripts, a few files, and a turbo that writes down each build.
let root;

const PROGRAM =
  "console.log(JSON.stringify([process.argv[1].split('/').slice(-4).join('/'), ...process.argv.slice(2)]));process.exitCode = 5;";

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function turbo(...lines) {
  write('node_modules/.bin/turbo', ['#!/bin/sh', 'echo "$*" >>builds', ...lines, ''].join('\n'));
  chmodSync(join(root, 'node_modules/.bin/turbo'), 0o755);
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nfqlb-checkout-'));
  cpSync(fileURLToPath(new URL('.', import.meta.url)), join(root, 'scripts'), { recursive: true });
  write('program.js', PROGRAM);
  const package_ = (name, ...needed) => {
    write(
      `packages/${name}/package.json`,
      JSON.stringify({ dependencies: Object.fromEntries(needed.map((one) => [`@nfqlb/${one}`, 'workspace:*'])) }),
    );
    write(`packages/${name}/src/part.ts`, '');
    write(`packages/${name}/src/part.test.ts`, '');
  };
  package_('cli', 'daemon');
  package_('daemon', 'core');
  package_('core');
  package_('e2e', 'cli');
  write('packages/core/src/old.ts', '');
  write('packages/core/build/made', '');
  // As from turbo's cache: with the time of an earlier build.
  turbo(
    'echo noise; echo noise >&2',
    'mkdir -p packages/cli/dist',
    'cp program.js packages/cli/dist/nfqlb.js',
    'touch -d 2020-01-01 packages/cli/dist/nfqlb.js',
  );
});
afterEach(() => rmSync(root, { recursive: true }));

/** What `pnpm nfqlb show --json` does, and how often it builds. */
function start() {
  rmSync(join(root, 'builds'), { force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/nfqlb.mjs'), 'show', '--json'], { encoding: 'utf8' });
  const builds = existsSync(join(root, 'builds')) ? readFileSync(join(root, 'builds'), 'utf8') : '';
  return { status, stdout, stderr, builds };
}

const RAN = { status: 5, stdout: '["packages/cli/dist/nfqlb.js","show","--json"]\n', stderr: '', builds: '' };
const BUILT = { ...RAN, builds: 'run build --filter=@nfqlb/cli --output-logs=errors-only\n' };

test('builds what is not there, without a word, and not again', () => {
  expect(start()).toEqual(BUILT);
  expect(start()).toEqual(RAN);
});

test.each([
  ['a source', () => write('packages/cli/src/part.ts', 'x'), BUILT],
  ['a source of a package that is needed by one that is needed', () => write('packages/core/src/part.ts', 'x'), BUILT],
  ['a new source', () => write('packages/daemon/src/new/part.ts', 'x'), BUILT],
  ['a removed source', () => rmSync(join(root, 'packages/core/src/old.ts')), BUILT],
  [
    'a source replaced by an older file',
    () => {
      write('older.ts', 'x');
      utimesSync(join(root, 'older.ts'), 1e9, 1e9);
      renameSync(join(root, 'older.ts'), join(root, 'packages/core/src/part.ts'));
    },
    BUILT,
  ],
  ['the list of dependencies', () => write('pnpm-lock.yaml', 'x'), BUILT],
  ['how bundles are made', () => write('scripts/bundle.mjs', 'x'), BUILT],
  ['a test', () => write('packages/cli/src/part.test.ts', 'x'), RAN],
  ['a package that is not needed', () => write('packages/e2e/src/part.ts', 'x'), RAN],
  ['what a build makes', () => write('packages/core/build/made', 'x'), RAN],
])('after a change of %s', async (_, change, expected) => {
  start();
  // Longer than a tick of the file system's clock.
  await pause(20);
  change();
  expect(start()).toEqual(expected);
  expect(start()).toEqual(RAN);
});

test('a build that fails is shown on stderr, and nothing runs', () => {
  turbo('echo src/part.ts: unexpected x', 'echo 1 failed >&2', 'exit 2');
  expect(start()).toMatchObject({ status: 1, stdout: '', stderr: 'src/part.ts: unexpected x\n1 failed\n' });
});

test('without turbo it says what to do', () => {
  rmSync(join(root, 'node_modules'), { recursive: true });
  expect(start()).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/^nfqlb: cannot be built: .*ENOENT; run pnpm install\n$/),
  });
});

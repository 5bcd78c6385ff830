import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

// A package in a folder with a space in its name, as npm installs it, with the links to it.
let root;

const PROGRAM = 'console.log(JSON.stringify([process.pid, process.execPath, ...process.argv.slice(1)]));process.exitCode = 5;';

function path(relative) {
  mkdirSync(dirname(join(root, relative)), { recursive: true });
  return join(root, relative);
}

function run(program, args = ['a b', '$c', ''], options = {}) {
  const { pid, status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', ...options });
  return { pid, status, stderr, said: stdout === '' ? undefined : JSON.parse(stdout) };
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nfqlb a launcher '));
  copyFileSync(fileURLToPath(new URL('launcher', import.meta.url)), path('lib/cli/dist/nfqlb'));
  writeFileSync(path('lib/cli/dist/nfqlb.js'), PROGRAM);
  symlinkSync('../lib/cli/dist/nfqlb', path('bin/nfqlb'));
  symlinkSync(join(root, 'bin/nfqlb'), path('elsewhere/other-name'));
});
afterEach(() => rmSync(root, { recursive: true }));

test.each([
  ['itself', 'lib/cli/dist/nfqlb'],
  ['by a relative link', 'bin/nfqlb'],
  ['by a link to a link, of another name', 'elsewhere/other-name'],
])('starts the program beside it, %s: as the same process, with the same arguments', (_, file) => {
  const { pid, ...rest } = run(join(root, file));
  expect(rest).toEqual({ status: 5, stderr: '', said: [pid, process.execPath, join(root, 'lib/cli/dist/nfqlb.js'), 'a b', '$c', ''] });
});

test('is found by PATH, from another folder, and can be started by a shell, as by the links of pnpm', () => {
  const PATH = `${join(root, 'bin')}:${process.env.PATH}`;
  expect(run('nfqlb', ['x'], { env: { ...process.env, PATH }, cwd: '/' }).said.at(-1)).toBe('x');
  expect(run('sh', ['nfqlb', 'x'], { cwd: join(root, 'bin') }).said.at(-1)).toBe('x');
});

test('says in one line that too few open files are allowed, where Node would end without a word', () => {
  const limited = (descriptors) => run('prlimit', [`--nofile=${descriptors}`, join(root, 'bin/nfqlb')]);
  expect(limited(16)).toMatchObject({
    status: 1,
    stderr: 'nfqlb: too few open files are allowed (ulimit -n): 16; a command needs 32, a load balancer 64\n',
    said: undefined,
  });
  expect(limited(31).status).toBe(1);
  expect(limited(32).status).toBe(5);
  // Node raises its own limit as far as it may.
  expect(run('prlimit', ['--nofile=16:64', join(root, 'bin/nfqlb')]).status).toBe(5);
});

test('prefers the Node of the Debian package nfqlb-node; a folder of that name is none', () => {
  mkdirSync(path('lib/node'));
  expect(run(join(root, 'bin/nfqlb')).said[1]).toBe(process.execPath);
  rmSync(path('lib/node'), { recursive: true });
  writeFileSync(path('lib/node'), `#!/bin/sh\necho '"the one of nfqlb-node"'\n`, { mode: 0o755 });
  expect(run(join(root, 'bin/nfqlb')).said).toBe('the one of nfqlb-node');
});

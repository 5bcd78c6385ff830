// Runs the C++ under valgrind: netlink.h alone, which must have no errors, and the whole addon in Node, where only errors with the addon in
// their stack count: valgrind cannot follow V8's use of memory.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, root } from './compile.mjs';

if (spawnSync('valgrind', ['--version']).error) fail('valgrind is missing; on Debian: apt-get install valgrind');
const addon = join(root, 'build/Release/nfqlb.node');
if (!existsSync(addon)) fail('no addon found: run pnpm build first');
const folder = join(root, 'build/valgrind');
mkdirSync(folder, { recursive: true });

const netlink = join(folder, 'netlink_test');
execFileSync('g++', ['-std=c++17', '-g', '-O1', join(root, 'addon/netlink_test.cc'), '-o', netlink], { stdio: 'inherit' });
execFileSync('valgrind', ['--quiet', '--error-exitcode=1', '--leak-check=full', netlink], { stdio: 'inherit' });

const report = join(folder, 'exercise.xml');
const valgrind = ['valgrind', '--leak-check=full', '--num-callers=30', '--smc-check=all-non-file', '--xml=yes'];
const exercise = [process.execPath, '--expose-gc', join(root, 'scripts/exercise.mjs'), addon];
const command = ['--net', ...valgrind, `--xml-file=${report}`, ...exercise];
const { status, stdout, stderr } = spawnSync('unshare', command, { encoding: 'utf8', maxBuffer: 1 << 28 });
if (status !== 0) fail(`the exercise failed\n${stdout}${stderr}`);
const errors = readFileSync(report, 'utf8')
  .split('<error>')
  .slice(1)
  .filter((error) => error.includes(`<obj>${addon}</obj>`));
if (errors.length > 0) fail(`${errors.length} errors in the addon\n${errors.join('\n')}`);
console.log(`${stdout.trim()}: valgrind finds nothing in the addon`);

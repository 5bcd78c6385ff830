// Runs the tests against an addon compiled with AddressSanitizer and UBSan, and then looks for leaks.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { compile, fail, root } from './compile.mjs';

const addon = join(root, 'build/sanitized/nfqlb.node');
compile(addon, { defines: ['sanitize=1'] });
const libraryOf = (name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();

const env = {
  ...process.env,
  NFQLB_ADDON: addon,
  // Node was compiled without sanitizers: their library must be loaded before any other.
  LD_PRELOAD: `${libraryOf('libasan.so')} ${libraryOf('libstdc++.so')}`,
  // We handle SIGBUS ourselves (sigbus_guard.cc). Leaks are checked below: here every program started by a test would report its own.
  ASAN_OPTIONS: 'detect_leaks=0:handle_sigbus=0',
};
const vitest = ['vitest', 'run', '--root', join(root, '../..'), '--project', 'native', ...process.argv.slice(2)];
if (spawnSync('npx', vitest, { env, stdio: 'inherit' }).status !== 0) process.exit(1);

// Node itself does not free everything at exit; leaks of the addon have its name in the stack.
const exercise = ['--net', process.execPath, '--expose-gc', join(root, 'scripts/exercise.mjs'), addon];
const leakEnv = { ...env, ASAN_OPTIONS: 'detect_leaks=1:handle_sigbus=0:fast_unwind_on_malloc=0', LSAN_OPTIONS: 'exitcode=0' };
const { status, stdout, stderr } = spawnSync('unshare', exercise, { env: leakEnv, encoding: 'utf8', maxBuffer: 1 << 28 });
const isLeak = (report) => /^(Direct|Indirect) leak/m.test(report);
const reports = stderr.split('\n\n');
const leaks = reports.filter((report) => isLeak(report) && report.includes(addon));
if (status !== 0) fail(`the exercise failed\n${stdout}${reports.filter((report) => !isLeak(report)).join('\n\n')}`);
if (leaks.length > 0) fail(`${leaks.length} leaks of the addon\n${leaks.join('\n\n')}`);
console.log(`${stdout.trim()}: no leaks of the addon`);

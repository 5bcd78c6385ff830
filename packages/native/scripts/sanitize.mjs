// Runs the tests against an addon compiled with AddressSanitizer and UBSan, and then looks for leaks.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail, root } from './compile.mjs';
import { withAddressSanitizer } from './sanitized-addon.mjs';

const sanitized = withAddressSanitizer();
const addon = sanitized.NFQLB_ADDON;
// Leaks are checked below: here every program started by a test would report its own.
const env = { ...process.env, ...sanitized };
const vitest = ['vitest', 'run', '--root', join(root, '../..'), '--project', 'native', ...process.argv.slice(2)];
if (spawnSync('npx', vitest, { env, stdio: 'inherit' }).status !== 0) process.exit(1);

// Node itself does not free everything at exit; leaks of the addon have its name in the stack.
const exercise = ['--net', process.execPath, '--expose-gc', join(root, 'scripts/exercise.mjs'), addon];
const leakEnv = { ...env, ASAN_OPTIONS: 'detect_leaks=1:handle_sigbus=0:fast_unwind_on_malloc=0', LSAN_OPTIONS: 'exitcode=0' };
const { status, stdout, stderr } = spawnSync('unshare', exercise, { env: leakEnv, encoding: 'utf8', maxBuffer: 1 << 28 });
const isLeak = (/** @type {string} */ report) => /^(Direct|Indirect) leak/m.test(report);
const reports = stderr.split('\n\n');
const leaks = reports.filter((report) => isLeak(report) && report.includes(addon));
if (status !== 0) fail(`the exercise failed\n${stdout}${reports.filter((report) => !isLeak(report)).join('\n\n')}`);
if (leaks.length > 0) fail(`${leaks.length} leaks of the addon\n${leaks.join('\n\n')}`);
console.log(`${stdout.trim()}: no leaks of the addon`);

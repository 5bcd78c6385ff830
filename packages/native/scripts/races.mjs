// Uses the addon in several threads at once under ThreadSanitizer. Only races with the addon in their stack count.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail, root } from './compile.mjs';
import { withThreadSanitizer } from './sanitized-addon.mjs';

const sanitized = withThreadSanitizer();
const addon = sanitized.NFQLB_ADDON;
const exercise = ['--net', 'setarch', '--addr-no-randomize', process.execPath, join(root, 'scripts/exercise-threads.mjs'), addon];
const env = { ...process.env, ...sanitized };
const { status, stdout, stderr } = spawnSync('unshare', exercise, { env, encoding: 'utf8', maxBuffer: 1 << 28, timeout: 120_000 });
const races = stderr
  .split('==================\n')
  .filter((report) => report.startsWith('WARNING: ThreadSanitizer') && report.includes(addon));
if (races.length > 0) fail(`${races.length} races in the addon\n${races.join('\n')}`);
// After a crash its status is 0, too.
if (status !== 0 || !stdout.includes('packets')) fail(`the exercise failed\n${stdout}${stderr}`);
console.log(`${stdout.trim()}: no races in the addon`);

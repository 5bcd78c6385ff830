// Runs live tests of the load balancer with an addon under sanitizers: AddressSanitizer and UBSan, then ThreadSanitizer. Only the load balancer itself runs with
// it. A fault of memory ends it, and so fails the test; races are looked for in what it wrote.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, root } from './compile.mjs';
import { withAddressSanitizer, withThreadSanitizer } from './sanitized-addon.mjs';

/** @import { Sanitized } from './sanitized-addon.mjs' */

/** Packets in four queues, changes of targets, fragments through the tun device. */
const TESTS = /** @type {const} */ ([
  ['packages/e2e/src/load-balancer/fragments.test.ts', 'over IPv4, queue 0:3 in order or reversed'],
  ['packages/e2e/src/load-balancer/live.test.ts', '100 changes under load'],
]);

const folder = mkdtempSync(join(tmpdir(), 'nfqlb-sanitized-'));

/**
 * @param {string} what
 * @param {Sanitized} sanitized
 * @param {readonly string[]} command what the load balancer is started by
 */
function run(what, { ASAN_OPTIONS, TSAN_OPTIONS, ...env }, command = []) {
  const log = `log_path=${join(folder, what)}`;
  const options = ASAN_OPTIONS ? [`ASAN_OPTIONS=${ASAN_OPTIONS}:${log}`, `UBSAN_OPTIONS=${log}`] : [`TSAN_OPTIONS=${TSAN_OPTIONS}:${log}`];
  const words = [...Object.entries(env).map((pair) => pair.join('=')), ...options, ...command];
  let passed = true;
  for (const [file, name] of TESTS) {
    const vitest = ['vitest', 'run', '--root', join(root, '../..'), '--reporter=default', file, '-t', name, ...process.argv.slice(2)];
    const { status } = spawnSync('npx', vitest, { env: { ...process.env, NFQLB_STARTED_BY: words.join('\n') }, stdio: 'inherit' });
    passed &&= status === 0;
  }
  const reports = readdirSync(folder)
    .map((report) => readFileSync(join(folder, report), 'utf8'))
    .flatMap((report) => report.split('==================\n'))
    .filter((report) => report.includes(env.NFQLB_ADDON));
  if (reports.length > 0) fail(`${what}: ${reports.length} reports about the addon in the load balancer\n${reports.join('\n')}`);
  if (!passed) fail(`${what}: a live test failed`);
}

try {
  run('AddressSanitizer', withAddressSanitizer());
  run('ThreadSanitizer', withThreadSanitizer(), ['setarch', '--addr-no-randomize']);
} finally {
  rmSync(folder, { recursive: true });
}
console.log('the load balancer under sanitizers: nothing found in the addon');

// Fuzzes netlink.h with libFuzzer, AddressSanitizer and UBSan: `node scripts/fuzz.mjs [--seconds=10] [--keep]`. The corpus is one file, an input a line in
// Base64, as that of packages/fuzz; --keep writes it anew, with what was found.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fail, root } from './compile.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, keep: { type: 'boolean' } } });
const CORPUS = join(root, 'test-data/netlink-fuzz.txt');

// Not those of another sanitizer, under which scripts/sanitize.mjs runs the tests.
const { LD_PRELOAD: _, ASAN_OPTIONS: __, ...env } = process.env;

const folder = mkdtempSync(join(tmpdir(), 'nfqlb-netlink-fuzz-'));
try {
  const program = join(folder, 'netlink_fuzz');
  const warnings = ['-Wall', '-Wextra', '-Werror'];
  const sanitizers = ['-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];
  const compiler = ['-std=c++17', '-g', '-O1', ...warnings, ...sanitizers, join(root, 'addon/netlink_fuzz.cc'), '-o', program];
  const { error, status, stderr } = spawnSync('clang++', compiler, { env, encoding: 'utf8' });
  if (error) fail('clang++ is missing; on Debian: apt-get install clang');
  if (status !== 0) fail(`it does not compile; on Debian, its runtime is in libclang-rt-14-dev\n${stderr}`);

  const [corpus, found] = [join(folder, 'corpus'), join(folder, 'found')];
  for (const each of [corpus, found]) mkdirSync(each);
  const lines = readFileSync(CORPUS, 'utf8').trim().split('\n');
  for (const [i, line] of lines.entries()) writeFileSync(join(corpus, `${i}`), Buffer.from(line, 'base64'));
  const options = [`-max_total_time=${values.seconds}`, '-max_len=4096', '-print_final_stats=1', `-artifact_prefix=${folder}/failed-`];
  const run = spawnSync(program, [...options, found, corpus], { env, encoding: 'utf8', maxBuffer: 1 << 26 });
  const failed = readdirSync(folder).find((name) => name.startsWith('failed-'));
  if (run.status !== 0) {
    const input = failed === undefined ? '' : `\n  input ${readFileSync(join(folder, failed)).toString('base64')}`;
    fail(`FAILED${input}\n${run.stderr}`);
  }
  if (values.keep) {
    const smallest = join(folder, 'smallest');
    mkdirSync(smallest);
    execFileSync(program, ['-merge=1', smallest, corpus, found], { env, stdio: 'ignore' });
    const inputs = readdirSync(smallest).map((name) => readFileSync(join(smallest, name)).toString('base64'));
    writeFileSync(
      CORPUS,
      `${inputs
        .filter((input) => input !== '')
        .sort()
        .join('\n')}\n`,
    );
  }
  console.log(`netlink: ${/number_of_executed_units: (\d+)/.exec(run.stderr)?.[1]} inputs, passed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

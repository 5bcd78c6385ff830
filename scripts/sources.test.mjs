// What no program of ours does: run text as code, hand text to a shell, contain secrets.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);

/** Sources of what is published: no tests, and not the test bed. */
const shipped = files.filter(
  (file) => /^packages\/[^/]+\/src\/.*\.ts$/.test(file) && !/^packages\/(e2e|fuzz)\/|\/testing\/|\.(test|fuzz)\.ts$/.test(file),
);

/** The demo's: the names of its own settings, in a network namespace of its own. No user's text. */
const HARMLESS = /^packages\/setup\/src\/demo\/network\.ts:\d+: .*echo 0 \| tee/;

const offences = (list, pattern) =>
  list.flatMap((file) => {
    const lines = readFileSync(`${ROOT}${file}`, 'utf8').split('\n');
    return lines.flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []));
  });

test('there are sources to look at', () => expect(shipped.length).toBeGreaterThan(200));

test.each([
  ['text as code', /\beval\(|\bnew Function\(|\bimport\(`|node:vm|runInNewContext|runInThisContext/],
  [
    'a shell',
    /\bshell: *(true|['"`])|\bexecSync\(|\bpromisify\(exec\)|import \{[^}]*\bexec\b[^}]*\} from 'node:child_process'|\[?'(?:ba)?sh', *'-c'|\/bin\/sh/,
  ],
])('no shipped source uses %s', (_, pattern) => expect(offences(shipped, pattern).filter((line) => !HARMLESS.test(line))).toEqual([]));

test('no file contains a private key or a token', () => {
  const text = files.filter((file) => !/\.(pcap|pcapng|gz|png|svg|o|node)$|^scripts\/sources\.test\.mjs$|pnpm-lock/.test(file));
  expect(
    offences(text, /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bnpm_[A-Za-z0-9]{36}\b/),
  ).toEqual([]);
});

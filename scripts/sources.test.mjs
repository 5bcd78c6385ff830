// What no program of ours does: run text as code, hand text to a shell, contain secrets.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const files = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8' }).split('\0').filter(Boolean);

/** Sources of what is published: no tests, and not the test bed. */
const shipped = files.filter(
  (file) => /^packages\/[^/]+\/src\/.*\.ts$/.test(file) && !/^packages\/(e2e|fuzz)\/|\/testing\/|\.(test|fuzz)\.ts$/.test(file),
);

/** A shell with a constant script: the names of the demo's own settings, in a network namespace of its own; a list of commands that only read. */
const CONSTANT = [
  /^packages\/setup\/src\/demo\/network\.ts:\d+: runProgram\(\['ip', 'netns', 'exec', namespace, 'sh', '-c', `echo 0 \| tee /,
  /^packages\/setup\/src\/fwmark-rules\.ts:\d+: const \{ stdout \} = spawnSync\('sh', \['-c', SCRIPT\], \{$/,
];

const SHELL_NAME = /['"`](?:\/(?:usr\/)?bin\/)?(?:ba|da|z|k)?sh['"`]/.source;

const RULES = {
  'text as code':
    /\beval\(|\(0, *eval\)|\beval: *true|\bnew Function\b|(?<![.\w])Function\(|\bimport\((?!['"])|['"](?:node:)?vm['"]|\brunIn\w*Context\b|\bset(?:Timeout|Interval)\(['"`]/,
  'a shell': new RegExp(
    // An option of spawn(); exec() and execSync(), which always have one; a shell as the program.
    `\\bshell: *(?!false|Shell\\b)\\S|\\bexecSync\\b|\\{[^}]*\\bexec\\b[^}]*\\} from '(?:node:)?child_process'|\\bchild_process\\b.*\\.exec\\(|${SHELL_NAME}, *\\[?['"\`]-\\w*c`,
  ),
};

function offences(list, pattern) {
  return list.flatMap((file) => offencesIn(file, readFileSync(`${ROOT}${file}`, 'utf8'), pattern));
}

function offencesIn(file, text, pattern) {
  return text.split('\n').flatMap((line, i) => (pattern.test(line) ? [`${file}:${i + 1}: ${line.trim()}`] : []));
}

test('there are sources to look at', () => expect(shipped.length).toBeGreaterThan(200));

describe.each(Object.entries(RULES))('%s', (what, pattern) => {
  test('no shipped source uses it', () => {
    const found = offences(shipped, pattern);
    expect(found.filter((line) => !CONSTANT.some((each) => each.test(line)))).toEqual([]);
    // No exception outlives its reason.
    if (what === 'a shell') expect(CONSTANT.map((each) => found.filter((line) => each.test(line)).length)).toEqual([1, 1]);
  });
});

// The rules find what they are for.
test.each([
  ['text as code', 'const value = eval(text);'],
  ['text as code', '(0, eval)(text);'],
  ['text as code', 'const f = new Function("a", text);'],
  ['text as code', "const f = Function('return this');"],
  ['text as code', 'await import(`data:text/javascript,$' + '{text}`);'],
  ['text as code', 'await import(path);'],
  ['text as code', "import vm from 'node:vm';"],
  ['text as code', "const { runInThisContext } = require('vm');"],
  ['text as code', 'new Worker(text, { eval: true });'],
  ['text as code', "setTimeout('go()', 10);"],
  ['a shell', "spawn('ls', [name], { shell: true });"],
  ['a shell', "spawn('ls', [name], { shell: '/bin/bash' });"],
  ['a shell', 'spawn(program, args, { shell: options.shell });'],
  ['a shell', "import { exec } from 'node:child_process';"],
  ['a shell', "import { exec as run, spawn } from 'node:child_process';"],
  ['a shell', "import { execSync } from 'child_process';"],
  ['a shell', "(await import('node:child_process')).exec(line);"],
  ['a shell', "spawnSync('sh', ['-c', line]);"],
  ['a shell', "run(['ip', 'netns', 'exec', name, 'bash', '-ec', line]);"],
  ['a shell', 'spawn("/bin/sh", ["-c", line]);'],
])('%s: %s', (what, line) => expect(offencesIn('x.ts', line, RULES[what])).toHaveLength(1));

test.each([
  ['text as code', "await import('./run.js');"],
  ['text as code', 'const text = `eval "$(nfqlb completion bash)"`;'],
  ['text as code', 'setTimeout(() => go(), 10);'],
  ['a shell', "import { execFile, spawn } from 'node:child_process';"],
  ['a shell', "export const SHELLS = ['bash', 'zsh', 'fish'] as const;"],
  ['a shell', '/ab/.exec(text);'],
])('not %s: %s', (what, line) => expect(offencesIn('x.ts', line, RULES[what])).toEqual([]));

test('no file contains a private key or a token', () => {
  const text = files.filter((file) => !/\.(pcap|pcapng|gz|png|svg|o|node)$|^scripts\/sources\.test\.mjs$|pnpm-lock/.test(file));
  expect(
    offences(text, /-----BEGIN [A-Z ]*PRIVATE KEY-----|\bgh[pousr]_[A-Za-z0-9]{30,}|\bAKIA[0-9A-Z]{16}\b|\bnpm_[A-Za-z0-9]{36}\b/),
  ).toEqual([]);
});

import { expect, test } from 'vitest';
import { SetupError } from './setup-error.js';
import { formatStep, isPartlyDone, runProgram } from './step.js';

test('a step is formatted as a shell command', () => {
  expect(formatStep({ kind: 'sysctl', name: 'net.ipv4.ip_forward', value: 1 })).toBe('echo 1 >/proc/sys/net/ipv4/ip_forward\n');
  expect(formatStep({ kind: 'program', command: ['ip', '-4', '-batch', '-'], input: ['rule show', 'route show'] })).toBe(
    "ip -4 -batch - <<'END'\nrule show\nroute show\nEND\n",
  );
});

test('a program gets input lines, and its output is returned', () => {
  expect(runProgram(['cat'], ['one', 'two'])).toBe('one\ntwo\n');
});

test.each([
  ['ip', 'Error: Nexthop has invalid gateway.\\nCommand failed -:2\\n', 'Nexthop has invalid gateway. (two)'],
  ['ip', 'RTNETLINK answers: No route to host\\nCommand failed -:1\\n', 'No route to host (one)'],
  [
    'iptables',
    '# Warning: iptables-legacy tables present\\niptables-restore: line 3 failed: Directory not empty.\\n',
    'iptables-restore: line 3 failed: Directory not empty. (three)',
  ],
  ['iptables', 'Error occurred at line: 2\\nTry ...\\n', 'Error occurred at line: 2; Try ... (two)'],
  ['nothing', '', 'ended with status 7'],
])('the reason of a failure, and the line that caused it: %s', (_, stderr, reason) => {
  const script = `cat >/dev/null; printf '${stderr}' >&2; exit 7`;
  expect(() => runProgram(['sh', '-c', script], ['one', 'two', 'three'])).toThrow(`sh -c ${script}: ${reason}`);
});

test('a program that fails without reading its input says why', () => {
  const input = Array.from({ length: 100_000 }, () => 'more than a pipe holds');
  expect(() => runProgram(['sh', '-c', 'echo "line 2 failed" >&2; exit 1'], input)).toThrow(': line 2 failed (more than');
});

test('a missing program, and the package that contains it', () => {
  expect(() => runProgram(['ip6tables-nowhere'])).toThrow('ip6tables-nowhere is not installed; on Debian: apt-get install iptables');
});

const RESTORE = ['*filter', '-I INPUT -j NFQLB', 'COMMIT', '*mangle', '-I PREROUTING -j NFQLB', 'COMMIT'];

test.each([
  ['ip', ['route …', 'rule …'], 1, false],
  ['ip', ['route …', 'rule …'], 2, true],
  ['iptables-restore', RESTORE, 3, false],
  ['ip6tables-restore', RESTORE, 5, true],
  ['ip', ['route …'], undefined, undefined],
])('what a failed program has changed: %s %j at line %j', (program, input, line, isKept) => {
  const error = new SetupError('command-failed', 'no', { line });
  expect(isPartlyDone({ kind: 'program', command: [program], input }, error)).toBe(isKept);
});

test('the error of a failed program has the line number', () => {
  const fail = (): string => runProgram(['sh', '-c', 'cat >/dev/null; echo "Command failed -:2" >&2; exit 1'], ['one', 'two']);
  expect(fail).toThrow(expect.objectContaining({ code: 'command-failed', line: 2 }));
});

test('a missing program has changed nothing', () => {
  const error = new SetupError('missing-program', 'no');
  expect(isPartlyDone({ kind: 'program', command: ['ip'], input: ['route …'] }, error)).toBe(false);
});

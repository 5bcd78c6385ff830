import { expect, test } from 'vitest';
import { formatStep, runProgram } from './step.js';

test('a step is written as a shell would be given it', () => {
  expect(formatStep({ kind: 'sysctl', name: 'net.ipv4.ip_forward', value: 1 })).toBe('echo 1 >/proc/sys/net/ipv4/ip_forward\n');
  expect(formatStep({ kind: 'program', command: ['ip', '-4', '-batch', '-'], input: ['rule show', 'route show'] })).toBe(
    "ip -4 -batch - <<'END'\nrule show\nroute show\nEND\n",
  );
});

test('a program is given lines, and its output is given back', () => {
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
])('the reason of a failure, and the line that it is about: %s', (_, stderr, reason) => {
  const script = `cat >/dev/null; printf '${stderr}' >&2; exit 7`;
  expect(() => runProgram(['sh', '-c', script], ['one', 'two', 'three'])).toThrow(`sh -c ${script}: ${reason}`);
});

test('a program that is missing, and where it is to be had', () => {
  expect(() => runProgram(['ip6tables-nowhere'])).toThrow('ip6tables-nowhere is not installed; on Debian: apt-get install iptables');
});

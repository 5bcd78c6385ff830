import { NativeError } from '@nfqlb/native';
import { expect, test } from 'vitest';
import { FastPathError } from '../fast-path-error.js';
import { systemError } from './system-error.js';

const failed = (code: string): NativeError => new NativeError(code, 'bpf', `bpf: bpf: it failed (${code})`);

test.each([
  [
    'EPERM',
    'not-permitted',
    'making x: not permitted; run it as root, or with CAP_BPF and CAP_NET_ADMIN (in a container, of the machine’s own user namespace)',
  ],
  ['EACCES', 'not-permitted', /^making x: not permitted; run it as root/],
  ['ENOSYS', 'not-supported', 'making x: this kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL'],
  ['ENOMEM', 'out-of-memory', 'making x: not enough kernel memory'],
  ['EINVAL', 'failed', 'making x: bpf: bpf: it failed (EINVAL)'],
])('%s is %s, in one line', (errno, code, message) => {
  const error = systemError('making x', failed(errno));
  expect(error).toBeInstanceOf(FastPathError);
  expect(error.code).toBe(code);
  if (message instanceof RegExp) expect(error.message).toMatch(message);
  else expect(error.message).toBe(message);
});

test('a bug keeps its stack', () => {
  const bug = new TypeError('undefined is not a function');
  expect(() => systemError('making x', bug)).toThrow(bug);
});

import { NativeError } from '@nfqlb/native';
import { expect, test } from 'vitest';
import { mapError } from './array-map.js';

test.each([
  [
    'EPERM',
    [],
    'out-of-memory: making the map buckets of 8 octets: RLIMIT_MEMLOCK is too low; set LimitMEMLOCK=infinity, or ulimit -l unlimited',
  ],
  [
    'EPERM',
    ['CAP_BPF'],
    'not-permitted: making the map buckets of 8 octets: not permitted; run it as root, or with CAP_BPF and CAP_NET_ADMIN (in a container, of the machine’s own user namespace)',
  ],
  ['EINVAL', [], 'not-supported: making the map buckets of 8 octets: this kernel has no BPF_F_MMAPABLE; Linux 5.5 has'],
  ['ENOMEM', [], 'out-of-memory: making the map buckets of 8 octets: not enough kernel memory'],
])('a map that fails with %s, where %j are missing: %s', (errno, missing, expected) => {
  const { code, message } = mapError('buckets', 8, new NativeError(errno, 'bpf', `bpf: it failed (${errno})`), missing);
  expect(`${code}: ${message}`).toBe(expected);
});

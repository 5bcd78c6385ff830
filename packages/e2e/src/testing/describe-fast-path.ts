import { statfsSync } from 'node:fs';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from './describe-live.js';
import { describeUnless } from './describe-unless.js';

const FOLDER = '/sys/fs/bpf';

/** BPF_FS_MAGIC (linux/magic.h). */
const BPF_FS_MAGIC = 0xcafe4a11;

/** `describeLive` for tests of the fast path, which also need a BPF file system. */
export function describeFastPath(title: string, tests: () => void): void {
  const missing = missingBpfFileSystem();
  if (missing === undefined) describeLive(title, tests, NFQLB);
  else describeUnless(missing, title, tests);
}

/** What the machine lacks, if it has no BPF file system. */
export function missingBpfFileSystem(): string | undefined {
  return isMounted() ? undefined : `a BPF file system: mount -t bpf bpf ${FOLDER}`;
}

function isMounted(): boolean {
  try {
    return statfsSync(FOLDER).type === BPF_FS_MAGIC;
  } catch {
    return false;
  }
}

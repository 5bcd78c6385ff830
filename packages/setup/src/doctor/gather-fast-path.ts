import { statfsSync } from 'node:fs';
import { programsHere } from '../present.js';
import type { FastPathFacts } from './facts.js';
import { readable } from './readable.js';

/** `BPF_FS_MAGIC` (linux/magic.h) */
const BPF_FS_MAGIC = 0xcafe4a11;

export function readFastPath(): FastPathFacts {
  return {
    hasBpfFileSystem: readable(() => statfsSync('/sys/fs/bpf').type) === BPF_FS_MAGIC,
    programs: readable(programsHere) ?? [],
  };
}

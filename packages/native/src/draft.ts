// Drafts of shared memory: objects still being written, under temporary names. The writer holds a lock that the kernel releases when it
// dies, so an unlocked draft was abandoned.

import { closeSync, constants, fstatSync, openSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tryLock } from './file-lock.js';

const PREFIX = '.nfqlb-draft-';
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;

export interface Draft {
  readonly path: string;
  /** Open for reading and writing, and locked. */
  readonly fd: number;
}

/** Throws what `openSync` throws. */
export function openDraft(folder: string, mode: number): Draft {
  for (;;) {
    const path = `${folder}/${PREFIX}${crypto.randomUUID()}`;
    const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    // Between these two calls, another program may have taken it for abandoned and removed it.
    if (tryLock(fd) && fstatSync(fd).nlink > 0) return { path, fd };
    closeSync(fd);
  }
}

/** Removes the drafts of this user's killed programs. */
export function removeAbandonedDrafts(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name.startsWith(PREFIX)) removeIfAbandoned(`${folder}/${name}`);
  }
}

function removeIfAbandoned(path: string): void {
  let fd: number | undefined;
  try {
    if (statSync(path).uid !== process.geteuid!()) return;
    fd = openSync(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK);
    if (tryLock(fd)) rmSync(path, { force: true });
  } catch {
    // Finished or removed in the meantime.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

import { binding } from './binding.js';

/**
 * Takes an exclusive lock on an open file or folder, unless somebody has it for all of this time. The kernel releases it when the descriptor is closed,
 * or its process dies.
 */
export function tryLock(fd: number, milliseconds = 0): boolean {
  try {
    binding().lock(fd, milliseconds);
    return true;
  } catch {
    return false;
  }
}

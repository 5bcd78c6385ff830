// Descriptors for another process, over a unix socket (unix(7), SCM_RIGHTS).

import { binding } from './binding.js';
import { nativeError } from './native-error.js';

const HINTS = {
  E2BIG: 'no more than 253 descriptors can be passed at a time',
  EMFILE: 'this process may not open so many descriptors (ulimit -n)',
  ETIMEDOUT: 'no answer in time',
};

/**
 * Sends a short text and copies of descriptors, without waiting.
 *
 * @param fd of a connected unix socket
 * @param text up to some kilobytes
 * @throws {@link NativeError} `E2BIG`, `EAGAIN` or `EMSGSIZE` if the other side does not read, `EPIPE`
 */
export function sendDescriptors(fd: number, text: string, descriptors: readonly number[]): void {
  attempt(() => binding().sendDescriptors(fd, text, descriptors));
}

/**
 * Waits until the other side has sent something, and reads it.
 *
 * @param fd of a connected unix socket
 * @param timeout in milliseconds
 * @returns the text, empty if the other side has ended; and descriptors, which the caller is to close
 * @throws {@link NativeError} `ETIMEDOUT`, `EMFILE`, `ECONNRESET`
 */
export function receiveDescriptors(fd: number, timeout: number): { readonly text: string; readonly descriptors: readonly number[] } {
  return attempt(() => binding().receiveDescriptors(fd, timeout));
}

function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw nativeError('unix socket', error, HINTS);
  }
}

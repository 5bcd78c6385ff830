// Unix sockets whose names are not files: they belong to a network namespace, and disappear with their listener.

import { binding } from './binding.js';
import { nativeError } from './native-error.js';

const HINTS = {
  EADDRINUSE: 'another program listens on it',
  ECONNREFUSED: 'nobody listens on it',
  EAGAIN: 'its listener accepts no more connections',
  ENAMETOOLONG: 'a name has 1 to 107 octets',
};

/** Maximum connections waiting to be accepted. */
const BACKLOG = 64;

/**
 * Listens on the abstract unix socket with exactly this name.
 *
 * @returns a descriptor, for `net.Server.listen({ fd })`
 * @throws {@link NativeError} `EADDRINUSE`, `ENAMETOOLONG`
 */
export function listenAbstract(name: string): number {
  return attempt(name, () => binding().listenAbstract(name, BACKLOG));
}

/**
 * Connects to the abstract unix socket with exactly this name.
 *
 * @returns a descriptor, for `new net.Socket({ fd })`
 * @throws {@link NativeError} `ECONNREFUSED`, `EAGAIN`, `ENAMETOOLONG`
 */
export function connectAbstract(name: string): number {
  return attempt(name, () => binding().connectAbstract(name));
}

function attempt(name: string, open: () => number): number {
  try {
    return open();
  } catch (error) {
    throw nativeError(`unix:${name}`, error, HINTS);
  }
}

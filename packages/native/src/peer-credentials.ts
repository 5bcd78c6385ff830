import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/** The process at the other end of a unix socket, as of its connect() or listen(). */
export interface PeerCredentials {
  /** 0 for a process in another pid namespace. */
  readonly pid: number;
  /** Effective user and group; the overflow id, 65534, if not mapped in our user namespace. */
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/**
 * @param fd of a connected unix socket
 * @throws {@link NativeError} `ENOPROTOOPT`, `EBADF`, …
 */
export function peerCredentials(fd: number): PeerCredentials {
  try {
    return binding().peerCredentials(fd);
  } catch (error) {
    throw nativeError('unix socket', error);
  }
}

import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/** Who is at the other end of a unix socket, as the kernel saw it when it connected, or listened. */
export interface PeerCredentials {
  /** 0 for a process of another pid namespace. */
  readonly pid: number;
  /** Effective user and group. One that has no number in our user namespace has the overflow number, 65534. */
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

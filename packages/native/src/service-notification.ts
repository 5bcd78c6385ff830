// How a service tells systemd about itself: sd_notify(3). Node has no unix datagram sockets.

import { binding } from './binding.js';
import { nativeError } from './native-error.js';

const HINTS = {
  EAGAIN: 'its receiver is busy',
  ECONNREFUSED: 'nobody receives on it any more',
  ENAMETOOLONG: 'an address has at most 107 octets',
  ENOENT: 'there is no such socket',
};

/**
 * Sends a notification such as `READY=1\nSTATUS=listening`, without waiting.
 *
 * @param address as in NOTIFY_SOCKET: a path, or an abstract name after `@`
 * @throws {@link NativeError} `EAGAIN` if the receiver's buffer is full, `ENOENT`, `ECONNREFUSED`, `ENAMETOOLONG`, …
 */
export function sendNotification(address: string, text: string): void {
  try {
    binding().sendDatagram(address, text);
  } catch (error) {
    throw nativeError(`NOTIFY_SOCKET=${address}`, error, HINTS);
  }
}

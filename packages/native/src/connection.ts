// Sockets with a fwmark, raw sockets, and a cheap way to wait for many. `node:fs` reads, writes and closes the descriptors.

import { endianness } from 'node:os';
import { getSystemErrorName } from 'node:util';
import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/** `icmp` is ICMPv6 for an IPv6 address. `icmp` and `sctp` are raw sockets (CAP_NET_RAW): the kernel adds IP headers, and only shows those of IPv4. */
export type SocketKind = 'tcp' | 'udp' | 'icmp' | 'sctp';

const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const IPPROTO_ICMP = 1;
const IPPROTO_ICMPV6 = 58;
const IPPROTO_SCTP = 132;

/**
 * Opens a non-blocking socket and connects it to a peer: only its packets are received. TCP's connection is under way at first; it is made when the
 * socket is writable and has no {@link socketError}. Closing resets it, so that no TIME-WAIT stays.
 *
 * @param address 4 or 16 octets, in network order
 * @param port 0 for raw sockets
 * @param mark fwmark of its packets, 0 for none; needs CAP_NET_ADMIN
 * @returns a descriptor
 * @throws {@link NativeError} `EPERM`, `EMFILE`, `ENETUNREACH`, …
 */
export function connectSocket(kind: SocketKind, address: Uint8Array, port: number, mark: number): number {
  const [type, protocol] = typeOf(kind, address.length === 4 ? 4 : 6);
  try {
    return binding().connectSocket(type, protocol, address, port, mark);
  } catch (error) {
    throw nativeError(`${kind} socket`, error);
  }
}

function typeOf(kind: SocketKind, family: 4 | 6): readonly [number, number] {
  switch (kind) {
    case 'tcp':
      return [SOCK_STREAM, 0];
    case 'udp':
      return [SOCK_DGRAM, 0];
    case 'icmp':
      return [SOCK_RAW, family === 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6];
    case 'sctp':
      return [SOCK_RAW, IPPROTO_SCTP];
  }
}

/** The name of the error that is pending for a socket, such as `ECONNREFUSED`, which this clears; `undefined` if there is none. */
export function socketError(fd: number): string | undefined {
  try {
    const errno = binding().socketError(fd);
    return errno === 0 ? undefined : getSystemErrorName(-errno);
  } catch (error) {
    throw nativeError('socket', error);
  }
}

const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
// struct pollfd of poll(2): int fd, short events, short revents.
const POLLFD_LENGTH = 8;
const LITTLE = endianness() === 'LE';

/** Descriptors to look at with one system call. */
export class PollSet {
  #bytes = new Uint8Array(64 * POLLFD_LENGTH);
  #view = new DataView(this.#bytes.buffer);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
  }

  add(fd: number, until: 'readable' | 'writable'): void {
    if (this.#count * POLLFD_LENGTH === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.#bytes.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    const at = this.#count++ * POLLFD_LENGTH;
    this.#view.setInt32(at, fd, LITTLE);
    this.#view.setInt16(at + 4, until === 'readable' ? POLLIN : POLLOUT, LITTLE);
    this.#view.setInt16(at + 6, 0, LITTLE);
  }

  /**
   * Looks, without waiting.
   *
   * @returns how many are ready, or have an error pending
   */
  look(): number {
    try {
      return binding().pollSockets(this.#bytes, this.#count);
    } catch (error) {
      throw nativeError('sockets', error);
    }
  }

  /** Whether the i-th that was added was ready, or had an error. */
  isReady(i: number): boolean {
    return this.#events(i) !== 0;
  }

  /** Whether the i-th that was added had an error: {@link socketError} says which. */
  hasError(i: number): boolean {
    return (this.#events(i) & POLLERR) !== 0;
  }

  #events(i: number): number {
    return this.#view.getInt16(i * POLLFD_LENGTH + 6, LITTLE);
  }
}

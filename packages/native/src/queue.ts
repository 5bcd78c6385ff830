import { readFileSync } from 'node:fs';
import type { PacketBatch, PacketSource } from '@nfqlb/core';
import { binding, type QueueBinding } from './binding.js';
import { type NativeError, nativeError } from './native-error.js';

export interface QueueOptions {
  /** Number of the NFQUEUE, 0 to 65535, in this network namespace. */
  readonly queue: number;
  /** Packets that may wait for a verdict; more are dropped by the kernel. */
  readonly length: number;
  /** Octets of each packet that the kernel hands over. */
  readonly copyRange: number;
  /** Packets of a batch, at most. */
  readonly batch: number;
  /** Descriptor that ends a wait when it becomes readable (`Wakeup.fd`). */
  readonly wakeup?: number;
  /** How long `receive` waits for packets, in milliseconds; −1 for ever. */
  readonly timeout: number;
  /** After a wait, how long to let more packets gather, in microseconds. */
  readonly linger: number;
}

/**
 * An NFQUEUE as a source of packets. `receive` fills the batch with all that is there, and waits when there is nothing; `settle`
 * gives each packet its verdict: its mark, or a drop for a negative one.
 *
 * The loop belongs to a thread of its own: `receive` blocks.
 */
export class Queue implements PacketSource {
  readonly batch: PacketBatch;
  readonly #queue: QueueBinding;
  readonly #timeout: number;
  readonly #linger: number;

  /** @throws {@link NativeError}: not permitted, no NFQUEUE in this kernel, another program listens already */
  constructor(options: QueueOptions) {
    const { Queue: Native, packetOverhead } = binding();
    const { queue, length, copyRange, batch, wakeup = -1 } = options;
    const arrays = {
      bytes: new Uint8Array(batch * align(copyRange + packetOverhead)),
      offset: new Uint32Array(batch),
      length: new Uint32Array(batch),
      etherType: new Uint16Array(batch),
      mark: new Int32Array(batch),
    };
    try {
      this.#queue = new Native({ queue, length, copyRange, batch, wakeup }, arrays);
    } catch (error) {
      throw bindError(queue, error);
    }
    this.batch = arrays;
    this.#timeout = options.timeout;
    this.#linger = options.linger;
  }

  /** @returns how many packets came; 0 when it was woken, or waited long enough */
  receive(): number {
    return this.#queue.receive(this.#timeout, this.#linger);
  }

  /** As {@link receive}, without waiting. */
  receiveWaiting(): number {
    return this.#queue.receive(0, 0);
  }

  settle(count: number): void {
    this.#queue.settle(count);
  }

  /** Errors that the kernel answered (a verdict on a packet that was gone), and messages that could not be read. */
  get errors(): number {
    return this.#queue.errors;
  }

  /** The kernel drops what still waits. */
  close(): void {
    this.#queue.close();
  }
}

/** Slots of the receive region begin at cache lines. */
function align(octets: number): number {
  return Math.ceil(octets / 64) * 64;
}

function bindError(queue: number, error: unknown): NativeError {
  // The kernel answers EPERM both when a capability is missing and when another program listens.
  const { code } = error as { code?: string };
  if (code === 'EPERM' && someoneListens(queue)) {
    return nativeError(Object.assign(error as Error, { code: 'EBUSY' }), { EBUSY: 'another program listens on it' });
  }
  return nativeError(error, {
    EPERM: 'needs CAP_NET_ADMIN',
    EBUSY: 'another program listens on it',
    EINVAL: 'this kernel has no NFQUEUE (CONFIG_NETFILTER_NETLINK_QUEUE)',
    EPROTONOSUPPORT: 'this kernel has no netfilter sockets (CONFIG_NETFILTER_NETLINK)',
  });
}

function someoneListens(queue: number): boolean {
  try {
    return readFileSync('/proc/net/netfilter/nfnetlink_queue', 'utf8')
      .split('\n')
      .some((line) => Number.parseInt(line, 10) === queue);
  } catch {
    return false;
  }
}

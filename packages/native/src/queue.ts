import { markAsUntransferable } from 'node:worker_threads';
import type { PacketBatch, PacketSource } from '@nfqlb/core';
import { binding, type QueueBinding } from './binding.js';
import { clockOffset } from './machine-time.js';
import { NativeError, nativeError } from './native-error.js';

export interface QueueOptions {
  /** Number of the NFQUEUE, 0 to 65535, in this network namespace. */
  readonly queue: number;
  /** Maximum packets waiting for a verdict; the kernel drops more. */
  readonly length: number;
  /** Octets of each packet that the kernel copies to us, 1 to 65531. */
  readonly copyRange: number;
  /** Maximum packets per batch, 1 to 4096. */
  readonly batch: number;
  /** Descriptor that ends a wait when it becomes readable (`Wakeup.fd`). */
  readonly wakeup?: number;
  /**
   * Descriptor of the socket that another process has bound to the queue, to go on with a copy of it ({@link Queue.fd}). Its settings are those of the
   * other process until {@link Queue.configure}. Default: binds a new one.
   */
  readonly socket?: number;
  /** How long `receive` waits for packets, in milliseconds; −1 for no limit. */
  readonly timeout: number;
  /**
   * How long to let packets gather at most, in microseconds; up to 100,000: after a wait, and before receiving while they keep coming. Not while they
   * come so slowly that fewer than three would come, and not longer than it takes until eight have come.
   */
  readonly linger: number;
  /** How long to ask for packets again and again before waiting for them, in microseconds; up to 100,000. Default: not at all. */
  readonly busyPoll?: number;
}

/** `NFQNL_MAX_COPY_RANGE` of the kernel: 0xffff − NLA_HDRLEN. 0 would mean this, too. */
const MAX_COPY_RANGE = 65531;

/** The verdicts of a batch, 40 octets each, go into one message, which must fit the socket's send buffer (212,992 octets by default). */
const MAX_BATCH = 4096;

const HINTS = {
  ENOTSOCK: 'what was passed is not the socket of a queue',
  EPERM: 'needs CAP_NET_ADMIN: run it as root',
  EBUSY: 'another program listens on it',
  EINVAL: 'this kernel has no NFQUEUE (CONFIG_NETFILTER_NETLINK_QUEUE)',
  EPROTONOSUPPORT: 'this kernel has no netfilter sockets (CONFIG_NETFILTER_NETLINK)',
};

/**
 * An NFQUEUE as a packet source. `receive` fills the batch with the packets available, and waits if there are none; `settle` sends each
 * packet's verdict: accept with its mark, or drop if the mark is negative.
 *
 * Run the loop in its own thread: `receive` blocks, and so does terminating that thread from outside (`Worker.terminate`).
 */
export class Queue implements PacketSource {
  readonly batch: PacketBatch;
  /**
   * When the last {@link receive} finished, and when the last {@link settle} had sent its verdicts: milliseconds of {@link machineTime}. In an
   * array, because returning the time from a call would allocate an object each time.
   */
  readonly clock: Float64Array;
  readonly #queue: QueueBinding;
  readonly #subject: string;
  readonly #timeout: number;
  readonly #linger: number;
  readonly #busyPoll: number;

  /** @throws {@link NativeError}: not permitted, no NFQUEUE in this kernel, another program listens already */
  constructor(options: QueueOptions) {
    const { Queue: Native, packetOverhead } = binding();
    const { queue, length, copyRange, batch, wakeup = -1, socket = -1, timeout, linger, busyPoll = 0 } = options;
    this.#subject = `NFQUEUE ${queue}`;
    this.#check('queue', queue, 0, 0xffff);
    this.#check('length', length, 1, 0x7fffffff);
    this.#check('copyRange', copyRange, 1, MAX_COPY_RANGE);
    this.#check('batch', batch, 1, MAX_BATCH);
    this.#check('timeout', timeout, -1, 0x7fffffff);
    this.#check('linger', linger, 0, 100_000);
    this.#check('busyPoll', busyPoll, 0, 100_000);
    const arrays = {
      bytes: new Uint8Array(batch * align(copyRange + packetOverhead)),
      offset: new Uint32Array(batch),
      length: new Uint32Array(batch),
      etherType: new Uint16Array(batch),
      mark: new Int32Array(batch),
      clock: new Float64Array(2),
    };
    // The addon writes to them while the queue is open.
    for (const { buffer } of Object.values(arrays)) markAsUntransferable(buffer);
    try {
      this.#queue = new Native({ queue, length, copyRange, batch, wakeup, socket, clockOffset: clockOffset() }, arrays);
    } catch (error) {
      throw nativeError(this.#subject, error, HINTS);
    }
    this.batch = arrays;
    this.clock = arrays.clock;
    this.#timeout = timeout;
    this.#linger = linger;
    this.#busyPoll = busyPoll;
  }

  /**
   * @returns how many packets arrived; 0 when woken up or timed out
   * @throws {@link NativeError} when it is closed
   */
  receive(): number {
    return this.#receive(this.#timeout, this.#linger, this.#busyPoll);
  }

  /** Like {@link receive}, without waiting. */
  receiveWaiting(): number {
    return this.#receive(0, 0, 0);
  }

  settle(count: number): void {
    try {
      this.#queue.settle(count);
    } catch (error) {
      throw nativeError(this.#subject, error);
    }
  }

  /**
   * Changes how many packets may wait for a verdict, and sets all else as the options have it, where another process has bound the queue. Packets that wait
   * stay.
   */
  configure(length: number): void {
    try {
      this.#queue.configure(length);
    } catch (error) {
      throw nativeError(this.#subject, error);
    }
  }

  /** Descriptor of its socket, to pass to another process, which goes on when this one has settled all that it received. */
  get fd(): number {
    return this.#queue.fd;
  }

  /** Errors returned by the kernel: verdicts on packets that no longer existed. */
  get errors(): number {
    return this.#queue.errors;
  }

  /** Messages that could not be parsed; their packet is unknown. */
  get malformed(): number {
    return this.#queue.malformed;
  }

  /** How often the kernel was short of memory for a system call, which was then retried. */
  get shortages(): number {
    return this.#queue.shortages;
  }

  /** The kernel drops packets still waiting, unless another process has the socket, too. */
  close(): void {
    this.#queue.close();
  }

  #receive(timeout: number, linger: number, busyPoll: number): number {
    try {
      return this.#queue.receive(timeout, linger, busyPoll);
    } catch (error) {
      throw nativeError(this.#subject, error);
    }
  }

  #check(option: string, value: number, min: number, max: number): void {
    if (Number.isInteger(value) && value >= min && value <= max) return;
    throw new NativeError('EINVAL', 'binding', `${this.#subject}: ${option} ${value}: must be a whole number from ${min} to ${max}`);
  }
}

/** Aligns slots of the receive buffer to cache lines. */
function align(octets: number): number {
  return Math.ceil(octets / 64) * 64;
}

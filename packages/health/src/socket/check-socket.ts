import { closeSync, readSync, writeSync } from 'node:fs';
import { connectSocket, type SocketKind, socketError } from '@nfqlb/native';
import { CheckFailure } from '../check/outcome.js';
import type { SocketPoll } from './socket-poll.js';

/** Where one check of one address goes, and until when. */
export interface Destination {
  /** As text, for messages. */
  readonly name: string;
  /** 4 or 16 octets, in network order. */
  readonly address: Uint8Array;
  /** fwmark of its packets, 0 for none. */
  readonly mark: number;
  /** In seconds, for messages. */
  readonly timeout: number;
  /** ms of `performance.now` */
  readonly deadline: number;
  /** Aborted when the result does not matter any more. */
  readonly signal: AbortSignal;
}

/** The result of a check does not matter any more. */
export class CheckAborted extends Error {
  override readonly name = 'CheckAborted';
  readonly code = 'CHECK_ABORTED';
}

/** A socket of one check. All methods throw errors that `outcomeOf` explains. */
export class CheckSocket {
  readonly #poll: SocketPoll;
  readonly #to: Destination;
  #fd: number;

  /** Connects, or begins to. */
  constructor(kind: SocketKind, port: number, to: Destination, poll: SocketPoll) {
    this.#poll = poll;
    this.#to = to;
    this.#fd = connectSocket(kind, to.address, port, to.mark);
  }

  /** Waits until a TCP connection is made. */
  connected(): Promise<void> {
    return this.#wait('writable');
  }

  write(bytes: Uint8Array): void {
    writeSync(this.#fd, bytes);
  }

  /** Waits for octets, or a datagram. @returns their number; 0 at the end of a connection */
  async read(buffer: Uint8Array): Promise<number> {
    for (;;) {
      await this.#wait('readable');
      try {
        return readSync(this.#fd, buffer);
      } catch (error) {
        // A datagram with a wrong checksum is dropped only now.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    }
  }

  /** Gives the descriptor away: closing it is up to the caller. */
  release(): number {
    const fd = this.#fd;
    this.#fd = -1;
    return fd;
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.release());
  }

  async #wait(until: 'readable' | 'writable'): Promise<void> {
    const { deadline, signal, timeout } = this.#to;
    const end = await this.#poll.wait(this.#fd, until, deadline, signal);
    if (end === 'aborted') throw new CheckAborted();
    if (end === 'late') throw new CheckFailure(noAnswer(timeout));
    if (end === 'ready') return;
    const code = socketError(this.#fd);
    if (code !== undefined) throw Object.assign(new Error(code), { code });
  }
}

export function noAnswer(timeout: number): string {
  return `no answer within ${timeout} s`;
}

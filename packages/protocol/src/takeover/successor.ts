// The old program's side of a takeover (takeover-message.ts).

import type { Server } from 'node:net';
import { peerCredentials, sendDescriptors } from '@nfqlb/native';
import { Access } from '../sockets/access.js';
import { descriptorOf } from '../sockets/descriptor.js';
import { type ServedClient, serve } from '../sockets/serve.js';
import type { ListeningPlace, SocketAddress } from '../sockets/socket-address.js';
import { formatMessage, MAX_MESSAGE, type Offer, parseMessage, TakeoverError, type Word } from './takeover-message.js';

/** Timeout for reading the last message, in milliseconds. */
const LAST_MESSAGE_TIMEOUT_MS = 2000;

/** One takes over; others are told that they are late. */
const MAX_CLIENTS = 8;

/** @param queue the load balancer's first queue */
export function takeoverAddress(queue: number): SocketAddress {
  return { kind: 'unix', name: `nfqlb-takeover-${queue}` };
}

/** Waits for programs that want to take over. Only root and the user that this runs as may. */
export async function serveTakeover(place: ListeningPlace, handOver: (successor: Successor) => void): Promise<Server> {
  return await serve(
    place,
    {
      ...{ access: new Access(), needs: 'own', purpose: 'take over', danger: 'take over' },
      ...{ maxClients: MAX_CLIENTS, timeoutMs: LAST_MESSAGE_TIMEOUT_MS },
      formatRefusal: () => formatMessage({ refused: 'only root and the user that it runs as may take over' }),
    },
    (client) => handOver(new Successor(client)),
  );
}

/** The program that wants to take over. */
export class Successor {
  readonly pid: number;
  readonly #client: ServedClient;
  readonly #lines: string[] = [];
  #rest = '';
  #hasEnded = false;
  #wake: () => void = () => {};

  constructor(client: ServedClient) {
    this.#client = client;
    this.pid = peerCredentials(descriptorOf(client.socket) ?? -1).pid;
    client.socket.setEncoding('utf8');
    client.socket.on('data', (text: unknown) => this.#take(text as string));
    client.socket.on('close', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** Whether it is still there. */
  get isThere(): boolean {
    return !this.#hasEnded;
  }

  offer(offer: Offer, descriptors: readonly number[]): void {
    this.#send(formatMessage(offer), descriptors);
  }

  say(word: Word): void {
    this.#send(formatMessage({ word }), []);
  }

  /** Says why not, and ends the connection. */
  refuse(reason: string): void {
    this.#client.end(formatMessage({ refused: reason }));
  }

  /** Ends the connection: the new program then knows that this one has let go of everything. */
  close(): void {
    this.#client.socket.destroy();
  }

  /**
   * Waits for its next message.
   *
   * @param timeout in milliseconds
   * @throws {@link TakeoverError} if it has ended, says something else, or says nothing in time
   */
  async next(timeout: number): Promise<Readonly<Record<string, unknown>>> {
    const until = performance.now() + timeout;
    while (this.#lines.length === 0) {
      if (this.#hasEnded) throw new TakeoverError('it has ended');
      const left = until - performance.now();
      if (left <= 0) throw new TakeoverError(`it said nothing for ${timeout / 1000} s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return parseMessage(this.#lines.shift()!);
  }

  /** Waits for this word. Throws as {@link next}. */
  async hear(word: Word, timeout: number): Promise<void> {
    const message = await this.next(timeout);
    if (message.word !== word) throw new TakeoverError(`it said ${JSON.stringify(message.word)} instead of "${word}"`);
  }

  #send(text: string, descriptors: readonly number[]): void {
    const fd = descriptorOf(this.#client.socket);
    if (fd === undefined) throw new TakeoverError('it has ended');
    sendDescriptors(fd, text, descriptors);
  }

  #take(text: string): void {
    this.#rest += text;
    if (this.#rest.length > MAX_MESSAGE) {
      this.close();
      return;
    }
    const lines = this.#rest.split('\n');
    this.#rest = lines.pop()!;
    this.#lines.push(...lines);
    this.#wake();
  }
}

// The new program's side of a takeover (takeover-message.ts). It has nothing else to do meanwhile, so it waits by blocking its main thread.

import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { printable } from '@nfqlb/core/explanation';
import { connectAbstract, NativeError, peerCredentials, receiveDescriptors, userName } from '@nfqlb/native';
import { findLoadBalancers } from '../status/status-socket.js';
import { takeoverAddress } from './successor.js';
import {
  formatMessage,
  isOffer,
  MAX_MESSAGE,
  type Offer,
  parseMessage,
  type Request,
  refusalIn,
  TakeoverError,
  type Word,
} from './takeover-message.js';

/** How long the old program may take until it offers: flow changes that are under way have 5 s to be adopted. */
const OFFER_TIMEOUT_MS = 10_000;

const ROOT = 0;

/** The program that is to be taken over from. */
export class Predecessor {
  readonly offer: Offer;
  /** Descriptors by what they are. Those that nobody took are closed by {@link close}. */
  readonly #descriptors: Map<string, number>;
  readonly #fd: number;
  #text = '';

  private constructor(fd: number, offer: Offer, descriptors: readonly number[]) {
    this.#fd = fd;
    this.offer = offer;
    this.#descriptors = new Map(offer.descriptors.map((name, i) => [name, descriptors[i]!]));
  }

  /**
   * Asks the load balancer of these queues to hand over.
   *
   * @returns `undefined` if there is none, or it ended before it offered anything
   * @throws {@link TakeoverError} if it does not
   */
  static ask(request: Request): Predecessor | undefined {
    const { first } = request.queues;
    const subject = `the load balancer of queue ${first}`;
    let fd: number;
    try {
      fd = connectAbstract((takeoverAddress(first) as { name: string }).name);
    } catch (error) {
      if (!(error instanceof NativeError && error.code === 'ECONNREFUSED')) throw error;
      if (!findLoadBalancers().includes(first)) return undefined;
      throw new TakeoverError(`${subject} cannot hand over: its version has no --takeover; restart it`);
    }
    try {
      const { uid } = peerCredentials(fd);
      if (uid !== ROOT && uid !== process.geteuid!()) throw new TakeoverError(`it belongs to ${userName(uid)}: run this as the same user`);
      writeSync(fd, formatMessage(request));
      const { line, descriptors } = receiveLine(fd, OFFER_TIMEOUT_MS);
      const message = line === undefined ? undefined : parseMessage(line);
      const refusal = message && refusalIn(message);
      if (refusal !== undefined) throw new TakeoverError(refusal);
      if (message && isOffer(message, request.queues, descriptors.length))
        return new Predecessor(fd, message as unknown as Offer, descriptors);
      for (const descriptor of descriptors) closeSync(descriptor);
      if (message) throw new TakeoverError('its answer is no offer: it may be of another version; restart it');
      closeSync(fd);
      return undefined;
    } catch (error) {
      closeSync(fd);
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE' || code === 'ECONNRESET') return undefined;
      throw new TakeoverError(`${subject} does not hand over: ${message}`, { cause: error });
    }
  }

  /** Takes a descriptor, to be closed by the caller; `undefined` if there is no such one. */
  take(name: string): number | undefined {
    const descriptor = this.#descriptors.get(name);
    this.#descriptors.delete(name);
    return descriptor;
  }

  /** Whether this can be taken. */
  has(name: string): boolean {
    return this.#descriptors.has(name);
  }

  /** Whether it has not ended. It says nothing now. */
  get isThere(): boolean {
    try {
      return receive(this.#fd, 0).text !== '';
    } catch {
      return true;
    }
  }

  say(word: Word): void {
    try {
      writeSync(this.#fd, formatMessage({ word }));
    } catch {
      // It has ended: `hear` finds out.
    }
  }

  /**
   * Waits for its word.
   *
   * @param timeout in milliseconds
   * @returns false if it has ended
   * @throws {@link TakeoverError} if it refuses, says something else, or nothing in time
   */
  hear(word: Word, timeout: number): boolean {
    const line = this.#line(timeout);
    if (line === undefined) return false;
    const message = parseMessage(line);
    if (message.word === word) return true;
    const reason = refusalIn(message) ?? printable(`it said ${JSON.stringify(message.word)} instead of "${word}"`);
    throw new TakeoverError(`it goes on: ${reason}`);
  }

  /** Resolves when the old program has let go of everything, or not in time; in milliseconds. */
  async ended(timeout: number): Promise<void> {
    const socket = new Socket({ fd: this.#fd, readable: true, writable: false });
    await new Promise<void>((resolve) => {
      const late = setTimeout(resolve, timeout);
      socket.resume();
      socket.on('error', () => {});
      socket.on('close', () => {
        clearTimeout(late);
        resolve();
      });
    });
    socket.destroy();
  }

  /** Closes what nobody took. */
  close(): void {
    for (const descriptor of this.#descriptors.values()) closeSync(descriptor);
    this.#descriptors.clear();
  }

  #line(timeout: number): string | undefined {
    while (!this.#text.includes('\n')) {
      const { text } = receive(this.#fd, timeout);
      if (text === '') return undefined;
      this.#text += text;
    }
    const [line, ...rest] = this.#text.split('\n');
    this.#text = rest.join('\n');
    return line;
  }
}

/** The first line, with the descriptors that came with it; without a line at the end of the stream. */
function receiveLine(fd: number, timeout: number): { readonly line: string | undefined; readonly descriptors: readonly number[] } {
  const descriptors: number[] = [];
  for (let line = ''; line.length <= MAX_MESSAGE; ) {
    const received = receive(fd, timeout);
    descriptors.push(...received.descriptors);
    if (received.text === '') return { line: undefined, descriptors };
    line += received.text;
    if (line.endsWith('\n')) return { line, descriptors };
  }
  for (const descriptor of descriptors) closeSync(descriptor);
  throw new TakeoverError('its answer is too long');
}

/** A connection that the other side has reset has ended. */
function receive(fd: number, timeout: number): ReturnType<typeof receiveDescriptors> {
  try {
    return receiveDescriptors(fd, timeout);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') return { text: '', descriptors: [] };
    throw error;
  }
}

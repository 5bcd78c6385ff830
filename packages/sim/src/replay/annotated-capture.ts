import { pcapngHeader, pcapngPacket } from '@nfqlb/captures';
import { decisionOf, describeDecision } from '@nfqlb/core/explanation';
import { OutputFile } from '../output-file.js';
import { VERSION } from '../version.js';
import type { DecidedPacket } from './replay.js';
import type { ReplayedBalancer } from './replayed-balancer.js';

/** Octets collected before they are written. */
const CHUNK = 1 << 18;

/** Writes the packets that a replay accepts as pcapng, in order, each with its fwmark and the reason as a comment. */
export class AnnotatedCapture {
  readonly #file: OutputFile;
  readonly #hashMode: 0 | 1;
  #pending: Uint8Array[] = [];
  #octets = 0;

  /** @param path as of {@link OutputFile} */
  constructor(path: string, hashMode: 0 | 1) {
    this.#file = new OutputFile(path);
    this.#hashMode = hashMode;
    this.#add(pcapngHeader(VERSION, 'nfqlb-sim'));
  }

  /**
   * Adds the packet that was just decided, if it was accepted.
   *
   * @param seconds of its arrival, since 1970
   */
  add(replayed: ReplayedBalancer, { fwmark, octets, wireLength, comment }: DecidedPacket, seconds: number, nanoseconds: number): void {
    if (fwmark < 0) return;
    const text = comment ?? describeComment(replayed, fwmark, this.#hashMode);
    this.#add(pcapngPacket({ seconds, nanoseconds, octets, wireLength, comment: text }));
  }

  close(): void {
    this.#flush();
    this.#file.close();
  }

  #add(block: Uint8Array): void {
    this.#pending.push(block);
    this.#octets += block.length;
    if (this.#octets >= CHUNK) this.#flush();
  }

  #flush(): void {
    this.#file.write(Buffer.concat(this.#pending));
    this.#pending = [];
    this.#octets = 0;
  }
}

/** What the comment of the packet that was just decided says. */
export function describeComment(replayed: ReplayedBalancer, fwmark: number, hashMode: 0 | 1): string {
  const names = { flow: replayed.flow, table: replayed.tableName };
  return describeDecision(decisionOf(replayed.balancer, fwmark, hashMode, names));
}

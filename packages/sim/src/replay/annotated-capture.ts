import { type CaptureTime, pcapngHeader, pcapngPacket } from '@nfqlb/captures';
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
   * @param begin when the capture's first packet came
   */
  add(replayed: ReplayedBalancer, decided: DecidedPacket, begin: CaptureTime): void {
    if (decided.fwmark < 0) return;
    // What another thread has made is valid only until its next batch.
    this.#add(decided.block ? new Uint8Array(decided.block) : annotatedPacket(replayed, decided, begin, this.#hashMode));
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

/** The block of the packet that was just decided: at its time, with what was decided as a comment. */
export function annotatedPacket(
  replayed: ReplayedBalancer,
  { fwmark, octets, wireLength, ...since }: Omit<DecidedPacket, 'block'>,
  begin: CaptureTime,
  hashMode: 0 | 1,
): Uint8Array {
  const names = { flow: replayed.flow, table: replayed.tableName };
  const comment = describeDecision(decisionOf(replayed.balancer, fwmark, hashMode, names));
  const nanoseconds = begin.nanoseconds + since.nanoseconds;
  const carry = nanoseconds >= 1e9 ? 1 : 0;
  const seconds = begin.seconds + since.seconds + carry;
  return pcapngPacket({ seconds, nanoseconds: nanoseconds - carry * 1e9, octets, wireLength, comment });
}

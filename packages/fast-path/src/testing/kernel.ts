import { ETH_P_IP, ETH_P_IPV6, type FwmarkLookup } from '@nfqlb/core';
import type { Decision } from '../decision/index.js';
import { FAST_REASON_NAMES } from '../fast-reason.js';
import { Generation, type Settings } from '../generation.js';
import { testRun } from '../kernel/bpf-command.js';

/** Fields of `struct __sk_buff` (linux/bpf.h). */
const SK_BUFF_LENGTH = 192;
const SK_BUFF_MARK = 8;
const SK_BUFF_GSO_SEGS = 164;
const SK_BUFF_GSO_SIZE = 176;

export const ETH_P_8021Q = 0x8100;
export const ETH_P_8021AD = 0x88a8;

/** TCX_NEXT: other programs go on. */
const NEXT = -1;

export const SETTINGS: Settings = { hashMode: 1, udpEncapPort: 0, noTargetsFwmark: -1, noFlowFwmark: -1 };

export interface FrameOptions {
  /** VLAN tags in the frame: their EtherTypes. */
  readonly tags?: readonly number[];
  /** Octets of padding behind the packet. */
  readonly padding?: number;
  /** The mark that the packet comes with. */
  readonly mark?: number;
  /** Size of the segments of a GSO packet. */
  readonly gsoSize?: number;
}

/** The program in the kernel, run on single packets by BPF_PROG_TEST_RUN. */
export class Kernel {
  readonly generation: Generation;

  constructor(decision: Decision, tables: readonly (FwmarkLookup | undefined)[], settings: Partial<Settings> = {}) {
    this.generation = new Generation(decision, tables, { ...SETTINGS, ...settings });
  }

  /** @returns the mark of the packet afterwards, and the name of the reason that was counted */
  decide(
    packet: Uint8Array,
    options: FrameOptions & { readonly etherType?: number } = {},
  ): { readonly mark: number; readonly reason: string } {
    const { etherType = packet[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP, mark = 0, gsoSize = 0 } = options;
    const context = new DataView(new ArrayBuffer(SK_BUFF_LENGTH));
    context.setUint32(SK_BUFF_MARK, mark, true);
    context.setUint32(SK_BUFF_GSO_SIZE, gsoSize, true);
    context.setUint32(SK_BUFF_GSO_SEGS, gsoSize === 0 ? 0 : 2, true);
    // The kernel does not run programs on incomplete IP headers, unless it does not see them behind a VLAN tag.
    const isShort = packet.length < (etherType === ETH_P_IPV6 ? 40 : 20);
    const frame = isShort && options.tags === undefined ? { ...options, tags: [ETH_P_8021Q] } : options;
    const before = this.generation.reasons();
    const result = testRun(this.generation.program, frameOf(packet, etherType, frame), new Uint8Array(context.buffer));
    if (result !== NEXT) throw new Error(`the program returned ${result}`);
    const counted = this.generation.reasons().flatMap(({ packets }, reason) => (packets > before[reason]!.packets ? [reason] : []));
    return { mark: context.getUint32(SK_BUFF_MARK, true), reason: counted.map((reason) => FAST_REASON_NAMES[reason]).join(' and ') };
  }

  close(): void {
    this.generation.close();
  }
}

/** Ethernet II (IEEE 802.3 clause 3): addresses, EtherType, packet. */
function frameOf(packet: Uint8Array, etherType: number, { tags = [], padding = 0 }: FrameOptions): Uint8Array {
  const types = [...tags, etherType];
  const frame = new Uint8Array(12 + 4 * tags.length + 2 + packet.length + padding).fill(0xee, 12 + 4 * tags.length + 2 + packet.length);
  const view = new DataView(frame.buffer);
  types.forEach((type, i) => {
    view.setUint16(12 + 4 * i, type);
  });
  frame.set(packet, 12 + 4 * tags.length + 2);
  return frame;
}

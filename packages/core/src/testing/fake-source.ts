import type { PacketBatch } from '../packet-batch.js';
import type { PacketSource } from '../packet-source.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';

/** A source of packets that a test adds, which records their verdicts. */
export class FakeSource implements PacketSource {
  readonly batch: PacketBatch;
  /** Marks of the settled packets, in order. */
  readonly settled: number[] = [];
  readonly #waiting: Uint8Array[] = [];

  /** @param packets maximum number per batch, each of up to 2048 octets */
  constructor(packets = 64) {
    this.batch = {
      bytes: new Uint8Array(packets * 2048),
      offset: new Uint32Array(packets),
      length: new Uint32Array(packets),
      etherType: new Uint16Array(packets),
      mark: new Int32Array(packets),
    };
  }

  arrive(...packets: readonly Uint8Array[]): void {
    this.#waiting.push(...packets);
  }

  receive(): number {
    const { bytes, offset, length, etherType } = this.batch;
    const packets = this.#waiting.splice(0, offset.length);
    for (const [i, packet] of packets.entries()) {
      offset[i] = i * 2048;
      length[i] = packet.length;
      etherType[i] = packet[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
      bytes.set(packet, i * 2048);
    }
    return packets.length;
  }

  settle(count: number): void {
    this.settled.push(...this.batch.mark.subarray(0, count));
  }
}

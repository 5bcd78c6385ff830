import { TestingError } from '../testing-error.js';

/** A packet at a time. */
export interface TimedPacket {
  /** From its IP header on. */
  readonly bytes: Uint8Array;
  /** Seconds since the beginning of its traffic. */
  readonly time: number;
}

/** The octets of a packet from its IP header on, or what `packet()` builds. */
export type Packet = Uint8Array | { build(): Uint8Array } | TimedPacket;

/** What is sent: a packet, several, or a stream of them. */
export type Traffic = Packet | Iterable<Packet> | AsyncIterable<Packet>;

/** The packets of some traffic, in order. One without a time of its own is sent right after the one before. */
export async function timed(traffic: Traffic): Promise<TimedPacket[]> {
  const packets: TimedPacket[] = [];
  let latest = 0;
  for await (const packet of isPacket(traffic) ? [traffic] : traffic) {
    if (!isPacket(packet)) throw new TestingError('send: must be packets: octets, or packet().ipv4(…).udp(…), or traffic made of them');
    const { bytes, time } = timedPacket(packet, latest);
    // Where the clock of a capture goes back, this one stands still.
    latest = Math.max(latest, time);
    packets.push({ bytes, time: latest });
  }
  return packets;
}

function timedPacket(packet: Packet, latest: number): TimedPacket {
  if (packet instanceof Uint8Array) return { bytes: packet, time: latest };
  return 'build' in packet ? { bytes: packet.build(), time: latest } : packet;
}

function isPacket(traffic: unknown): traffic is Packet {
  return typeof traffic === 'object' && traffic !== null && (traffic instanceof Uint8Array || 'build' in traffic || 'bytes' in traffic);
}

import { openCapture } from '@nfqlb/captures/file';
import { END, ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import type { TimedPacket } from './traffic.js';

/** The IP packets of a capture (pcap or pcapng, plain or in gzip), at its own times. Other frames are passed over. */
export async function* capture(path: string): AsyncGenerator<TimedPacket> {
  const read = await openCapture(path);
  try {
    for (;;) {
      const count = await read.receive();
      if (count === END) return;
      const { bytes, offset, length, etherType, seconds, nanoseconds } = read.batch;
      for (let i = 0; i < count; i++) {
        if (etherType[i] !== ETH_P_IP && etherType[i] !== ETH_P_IPV6) continue;
        const at = offset[i]!;
        yield { bytes: bytes.slice(at, at + length[i]!), time: Math.max(0, seconds[i]! + nanoseconds[i]! / 1e9) };
      }
      read.settle();
    }
  } finally {
    read.close();
  }
}

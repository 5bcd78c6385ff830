import type { FragmentTableOptions } from '@nfqlb/core';
import { Queue } from '@nfqlb/native';
import type { QueueRange } from '@nfqlb/options';

/**
 * Octets of a packet to receive: the headers. 512 are enough for any chain of IP headers seen in practice, including the packet quoted in an ICMP
 * error; packets with longer headers count as malformed.
 */
const HEADERS_LENGTH = 512;

/**
 * Packets that may wait while nobody decides any, at the start and during a takeover: for 0.2 s of 80,000 packets/s. They take up to 40 MB.
 */
export const ENDURED_LENGTH = 16_384;

/** Octets of each packet that the kernel copies. */
export function copyRangeOf({ fragments, mtu }: FragmentTableOptions): number {
  // Fragments to be stored must be received completely.
  return fragments > 0 ? Math.max(HEADERS_LENGTH, mtu) : HEADERS_LENGTH;
}

/**
 * Binds queues, whose packets wait from now on. Nobody receives from them: workers go on with copies of the sockets.
 *
 * @throws NativeError if one is not available
 */
export function bindQueues({ first, last }: QueueRange, fragments: FragmentTableOptions): Queue[] {
  const options = { length: ENDURED_LENGTH, copyRange: copyRangeOf(fragments), batch: 1, timeout: 0, linger: 0 };
  const queues: Queue[] = [];
  try {
    for (let queue = first; queue <= last; queue++) queues.push(new Queue({ ...options, queue }));
    return queues;
  } catch (error) {
    for (const queue of queues) queue.close();
    throw error;
  }
}

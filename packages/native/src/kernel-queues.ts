import { readFileSync } from 'node:fs';

/** One NFQUEUE as the kernel sees it (`nfnetlink_queue.c`, `seq_show`). */
export interface KernelQueue {
  readonly queue: number;
  /** Netlink port of the listening program. */
  readonly portId: number;
  /** Packets waiting for a verdict. */
  readonly waiting: number;
  /** Packets dropped because the queue was full. */
  readonly queueDropped: number;
  /** Packets dropped because the listener's socket buffer was full. */
  readonly socketDropped: number;
}

/** Exists if the kernel has NFQUEUE; per network namespace, like the queues. */
export const KERNEL_QUEUES = '/proc/net/netfilter/nfnetlink_queue';

/** The queues with a listener in this network namespace. Throws what `readFileSync` throws. */
export function readKernelQueues(): KernelQueue[] {
  return parseKernelQueues(readFileSync(KERNEL_QUEUES, 'utf8'));
}

/** The queues of a load balancer; `undefined` when they cannot be read. */
export function readOwnQueues({ first, last }: { readonly first: number; readonly last: number }): KernelQueue[] | undefined {
  try {
    return readKernelQueues().filter(({ queue }) => queue >= first && queue <= last);
  } catch {
    return undefined;
  }
}

/** Columns: queue, port id, waiting, copy mode, copy range, dropped by the queue, dropped by the socket, last packet id, 1. */
export function parseKernelQueues(text: string): KernelQueue[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const column = line.trim().split(/\s+/).map(Number);
      return { queue: column[0]!, portId: column[1]!, waiting: column[2]!, queueDropped: column[5]!, socketDropped: column[6]! };
    });
}

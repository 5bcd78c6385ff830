/** A line of /proc/net/netfilter/nfnetlink_queue: net/netfilter/nfnetlink_queue.c, seq_show(). */
export interface QueueStatus {
  readonly queue: number;
  /** Netlink port of the listener. */
  readonly port: number;
  /** Packets waiting for a verdict. */
  readonly waiting: number;
  /** NFQNL_COPY_*: 1 = meta, 2 = packet. */
  readonly copyMode: number;
  /** Octets of each packet that the listener sees. */
  readonly copyRange: number;
  /** Dropped because the queue was full. */
  readonly queueDropped: number;
  /** Dropped because the listener's socket was full. */
  readonly userDropped: number;
  /** Id of the last packet, which is the number of packets queued so far. */
  readonly lastId: number;
}

export function parseQueueStatus(text: string): QueueStatus[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [queue, port, waiting, copyMode, copyRange, queueDropped, userDropped, lastId] = line.trim().split(/\s+/).map(Number);
      return {
        queue: queue!,
        port: port!,
        waiting: waiting!,
        copyMode: copyMode!,
        copyRange: copyRange!,
        queueDropped: queueDropped!,
        userDropped: userDropped!,
        lastId: lastId!,
      };
    });
}

import { type Balancer, END, type TargetTable } from '@nfqlb/core';
import type { Capture } from '../captures/capture.js';
import { formatTime } from '../captures/capture-time.js';
import { decisionRecord } from './decision-record.js';
import type { Schedule } from './schedule.js';
import type { Tally } from './tally.js';

/** What a replay works with. */
export interface Replay {
  readonly capture: Capture;
  readonly balancer: Balancer;
  /** The table that `balancer` reads, for the changes of `schedule`. */
  readonly table: TargetTable;
  readonly schedule: Schedule;
  readonly tally: Tally;
  /** Takes each packet's record (decision-record.ts). Without it none is made. */
  readonly onRecord?: ((record: string) => void) | undefined;
  /** Called now and then. */
  readonly onProgress?: (() => void) | undefined;
}

/**
 * Sends a capture's packets through a balancer, in the capture's own time.
 *
 * @throws what the capture throws, after all packets before the fault have been decided
 */
export async function replay(options: Replay): Promise<void> {
  const { capture, tally, table } = options;
  try {
    for (;;) {
      const received = capture.receive();
      // Most captures answer at once; awaiting them all the same costs a turn of the event loop a batch.
      const count = typeof received === 'number' ? received : await received;
      if (count === END) return;
      decide(options, count);
      capture.settle();
      options.onProgress?.();
    }
  } finally {
    tally.endStretch(table);
  }
}

function decide({ capture, balancer, table, schedule, tally, onRecord }: Replay, count: number): void {
  const { bytes, offset, length, etherType, mark, wireLength, frame, seconds, nanoseconds } = capture.batch;
  for (let i = 0; i < count; i++) {
    const now = seconds[i]! + nanoseconds[i]! / 1e9;
    if (now >= schedule.due) {
      tally.endStretch(table);
      schedule.applyUntil(now, table);
      balancer.refresh();
    }
    const fwmark = balancer.decide(bytes, offset[i]!, length[i]!, etherType[i]!);
    mark[i] = fwmark;
    tally.count(fwmark, balancer.reason, wireLength[i]!);
    if (onRecord) onRecord(decisionRecord(frame[i]!, formatTime(seconds[i]!, nanoseconds[i]!), fwmark, balancer));
  }
}

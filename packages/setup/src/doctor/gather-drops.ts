import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readKernelQueues } from '@nfqlb/native';
import type { DropFacts } from './facts.js';
import { readable } from './readable.js';

/** How long to watch for drops. */
const WATCH_MS = 1000;

/** Counters of this network namespace since its creation. */
interface Counters {
  readonly queues: ReadonlyMap<number, number>;
  readonly reversePath: number;
}

/** Starts watching for drops. The returned function waits for the end, unless there are no queues. */
export function watchDrops(): () => Promise<DropFacts> {
  const before = readCounters();
  const start = performance.now();
  return async () => {
    if (before.queues.size === 0) return { queues: new Map(), reversePath: 0 };
    await sleep(Math.max(0, WATCH_MS - (performance.now() - start)));
    const after = readCounters();
    const queues = [...after.queues].map(([queue, count]) => [queue, count - (before.queues.get(queue) ?? count)] as const);
    return { queues: new Map(queues.filter(([, count]) => count > 0)), reversePath: after.reversePath - before.reversePath };
  };
}

function readCounters(): Counters {
  const queues = readable(readKernelQueues) ?? [];
  return {
    queues: new Map(queues.map(({ queue, queueDropped, socketDropped }) => [queue, queueDropped + socketDropped])),
    reversePath: parseReversePathDrops(readable(() => readFileSync('/proc/net/netstat', 'latin1')) ?? ''),
  };
}

/** @param netstat /proc/net/netstat: pairs of lines, `TcpExt: NAME …` and `TcpExt: COUNT …` */
export function parseReversePathDrops(netstat: string): number {
  const [names, counts] = netstat.split('\n').filter((line) => line.startsWith('TcpExt: '));
  const at = names?.split(' ').indexOf('IPReversePathFilter') ?? -1;
  return at < 0 ? 0 : Number(counts?.split(' ')[at] ?? 0);
}

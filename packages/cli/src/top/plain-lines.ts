import { printable } from '@nfqlb/core/explanation';
import { whyOf } from '../health/target-states.js';
import { drainingOf } from './draining.js';
import type { Figures } from './figures.js';

/**
 * The figures as lines for other programs: the time, the load balancer's first queue, the subject, then figures as `name=value`.
 *
 * @param time prefix of each line
 */
export function plainLines(figures: Figures, time: string): string[] {
  const { status, queues, targets, flows, fragments: rates } = figures;
  const begin = `${time} lb=${queues[0]!.queue}`;
  const line = (subject: string, values: Readonly<Record<string, number | string>>): string =>
    printable(
      [
        begin,
        subject,
        ...Object.entries(values).map(([name, value]) => `${name}=${typeof value === 'number' ? short(value) : value}`),
      ].join(' '),
    );
  const now = (name: string): number => status.fragments[name] ?? 0;
  const draining = drainingOf(status);
  return [
    line('total', {
      'packets/s': figures.packets,
      'bits/s': figures.bits,
      'accepted/s': figures.accepted,
      'dropped/s': figures.dropped,
      'stored/s': figures.stored,
      healthy: status.problems.length === 0 ? 'yes' : 'no',
    }),
    ...status.problems.map((problem) => line('problem', { why: JSON.stringify(problem) })),
    ...(status.degradations ?? []).flatMap(({ subject, problems, seconds }) =>
      problems.map((problem) => line(`degraded ${subject}`, { seconds, why: JSON.stringify(problem) })),
    ),
    ...(figures.fastPath
      ? [
          line('fast-path', {
            'kernel/s': figures.fastPath.kernel.packets,
            'queue/s': figures.fastPath.queue.packets,
            kernel: figures.fastPath.kernel.all,
            queue: figures.fastPath.queue.all,
          }),
          ...figures.fastPath.reasons.map(({ reason, packets, all }) => line(`to-queue ${reason}`, { 'packets/s': packets, packets: all })),
        ]
      : []),
    ...queues.map((queue) =>
      line(`queue ${queue.queue}`, {
        waiting: queue.waiting,
        length: queue.length,
        'packets/s': queue.packets,
        batch: queue.batch,
        busy: queue.busy,
        'queue-full/s': queue.queueDropped,
        'socket-full/s': queue.socketDropped,
        dropped: queue.allDropped,
      }),
    ),
    line('fragments', {
      'lookups/s': rates.lookups ?? 0,
      datagrams: now('active'),
      stored: now('fragsUsed'),
      'rejected/s': rates.rejected ?? 0,
      'discarded/s': rates.fragsDiscarded ?? 0,
      'reinjected/s': rates.reinjected ?? 0,
    }),
    ...(draining
      ? [
          line('drain', {
            targets: draining.targets.join(','),
            buckets: draining.buckets,
            remembered: draining.remembered,
            'no-room': draining.refused,
          }),
        ]
      : []),
    ...figures.drops.map(({ reason, packets, all }) => line(`drop ${reason}`, { 'packets/s': packets, packets: all })),
    ...targets.map(({ fwmark, packets, bits, all }) => line(`target ${fwmark}`, { 'packets/s': packets, 'bits/s': bits, packets: all })),
    ...(status.health ?? []).flatMap(({ name, targets: checked }) =>
      checked.map((target) =>
        line(`health ${target.fwmark}`, {
          table: name,
          state: target.state,
          used: target.used ? 'yes' : 'no',
          seconds: target.since,
          why: JSON.stringify(whyOf(target)),
        }),
      ),
    ),
    ...flows.map(({ name, target, packets, bits, all }) =>
      line(`flow ${name}`, { table: target, 'packets/s': packets, 'bits/s': bits, packets: all }),
    ),
  ];
}

/** At most three decimals, none from 100 on. */
function short(value: number): string {
  return String(Math.abs(value) >= 100 ? Math.round(value) : Math.round(value * 1000) / 1000);
}

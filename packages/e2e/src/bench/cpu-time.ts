import { readFileSync } from 'node:fs';

/** USER_HZ: in this unit all of Linux's architectures tell /proc/stat's times today. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of the whole machine, since it started. */
export interface CpuTime {
  /** Time in which a CPU did anything, interrupts included. */
  readonly busy: number;
  /** The same as user + nice + system + irq + softirq. */
  readonly sampled: number;
}

/**
 * Reads how busy the machine has been.
 *
 * Time that is not idle is measured to the microsecond. The other times are sampled 250 or 1000 times a second where the kernel has
 * TICK_CPU_ACCOUNTING, and who sleeps on timers sleeps in step with the samples: of 17 µs a packet, as steady as can be, they showed 9 to
 * 17.
 */
export function cpuTime(): CpuTime {
  return cpuTimeOf(readFileSync('/proc/stat', 'utf8'), performance.now());
}

/**
 * @param text what /proc/stat says
 * @param now milliseconds by any clock that goes on steadily
 */
export function cpuTimeOf(text: string, now: number): CpuTime {
  const cpus = text.match(/^cpu\d+ /gm)!.length;
  const [user, nice, system, idle, iowait, irq, softirq, steal] = text
    .match(/^cpu +(.*)$/m)![1]!
    .split(' ')
    .map(Number) as Ticks;
  return {
    busy: (cpus * now) / 1000 - (idle + iowait + steal) / TICKS_PER_SECOND,
    sampled: (user + nice + system + irq + softirq) / TICKS_PER_SECOND,
  };
}

type Ticks = [number, number, number, number, number, number, number, number];

/** What was used between two readings. */
export function cpuTimeBetween(before: CpuTime, after: CpuTime): CpuTime {
  return { busy: after.busy - before.busy, sampled: after.sampled - before.sampled };
}

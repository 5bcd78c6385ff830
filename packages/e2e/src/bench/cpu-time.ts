import { readFileSync } from 'node:fs';

/** USER_HZ: the unit of /proc/stat, the same on all current Linux architectures. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of the whole machine since boot. */
export interface CpuTime {
  /** Time in which a CPU was not idle, including interrupts. */
  readonly busy: number;
  /** The same as user + nice + system + irq + softirq. */
  readonly sampled: number;
}

/**
 * Reads the machine's CPU time.
 *
 * Non-idle time is accurate to the microsecond. With TICK_CPU_ACCOUNTING the kernel samples the other times 250 or 1000 times a second,
 * and a process that sleeps on timers sleeps in step with the samples: for a constant 17 µs per packet they showed 9 to 17.
 */
export function cpuTime(): CpuTime {
  return cpuTimeOf(readFileSync('/proc/stat', 'utf8'), performance.now());
}

/**
 * @param text the content of /proc/stat
 * @param now milliseconds of any monotonic clock
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

/** CPU time used between two readings. */
export function cpuTimeBetween(before: CpuTime, after: CpuTime): CpuTime {
  return { busy: after.busy - before.busy, sampled: after.sampled - before.sampled };
}

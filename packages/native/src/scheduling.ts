import { getPriority } from 'node:os';
import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/** How the kernel shares out CPU time to a thread (sched(7)). */
export interface Scheduling {
  /** CPUs that it may run on. Default: all that the process may use. */
  readonly cpus?: readonly number[];
  /**
   * A nice value, −20 (first) to 19 (last), or a real-time priority (SCHED_FIFO), 1 to 99. Default: the process's if that is not 0, or else
   * {@link DEFAULT_NICE} where this is permitted.
   */
  readonly priority?: Priority;
}

type Priority = { readonly nice: number } | { readonly realTime: number };

/** On a CPU that both want, a thread with it gets nine times as much time as one without. */
const DEFAULT_NICE = -10;

/** The shortest that Linux allows, µs. */
const SLICE = 100;

const HINTS = {
  EPERM: 'needs CAP_SYS_NICE, and a control group with real-time bandwidth (cpu.rt_runtime_us)',
  EACCES: 'needs CAP_SYS_NICE, or a limit that allows it (RLIMIT_NICE)',
  EINVAL: 'this process may use none of these CPUs',
};

/**
 * Schedules the thread that calls this as one that mostly waits and must run at once when it is woken up: it gets short slices of time, so that it need
 * not wait until another thread has used up a long one (Linux 6.12; nothing changes on older kernels, or where that is not allowed).
 *
 * @throws NativeError: not permitted, or none of these CPUs
 */
export function scheduleAsWorker({ cpus, priority }: Scheduling): void {
  const native = binding();
  ifPermitted(() => native.setSlice(SLICE));
  if (!priority && getPriority() === 0) ifPermitted(() => native.setNice(DEFAULT_NICE));
  if (cpus) attempt(`CPUs ${cpus.join()}`, () => native.setCpus(cpus));
  if (priority && 'nice' in priority) attempt(`nice value ${priority.nice}`, () => native.setNice(priority.nice));
  if (priority && 'realTime' in priority) attempt(`real-time priority ${priority.realTime}`, () => native.setRealTime(priority.realTime));
}

/** Without it, the thread is only less punctual. A filter for system calls may refuse it; a nice value needs CAP_SYS_NICE or RLIMIT_NICE. */
function ifPermitted(change: () => void): void {
  try {
    change();
  } catch {}
}

function attempt(what: string, change: () => void): void {
  try {
    change();
  } catch (error) {
    throw nativeError(what, error, HINTS);
  }
}

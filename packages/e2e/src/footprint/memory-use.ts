import { readFileSync } from 'node:fs';

/** Memory of a process, in octets (proc(5), smaps_rollup). */
export interface MemoryUse {
  /** Everything that is in memory, also what other processes share, such as the pages of Node's own file. */
  readonly resident: number;
  /** The same, but each shared page only in proportion to the number of its users. */
  readonly proportional: number;
  /** What no file backs: heaps, stacks, compiled code. */
  readonly anonymous: number;
}

export const MEBI: number = 2 ** 20;

/** Linux writes kB and means 1024 octets. */
export function memoryOf(pid: number): MemoryUse {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1');
  const field = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(rollup)![1]);
  return { resident: field('Rss'), proportional: field('Pss'), anonymous: field('Anonymous') };
}

export function inMebi({ resident, proportional, anonymous }: MemoryUse): string {
  const [rss, pss, anon] = [resident, proportional, anonymous].map((octets) => (octets / MEBI).toFixed(1));
  return `RSS ${rss} MiB (${pss} with shared pages in proportion, ${anon} anonymous)`;
}

import { readdirSync, readFileSync } from 'node:fs';
import { cpus, release } from 'node:os';

/** What figures depend on besides the programs. */
export interface Machine {
  /** Model of its CPUs. */
  readonly cpu: string;
  readonly cpus: number;
  /** `6.1.0-18-amd64`. */
  readonly kernel: string;
  /** `v20.20.2`. */
  readonly node: string;
  /** Caches of data, smallest first, each with its size in octets: `[["L1d", 32768], ["L2", 1048576]]`; empty if the kernel does not say. */
  readonly caches: readonly (readonly [name: string, octets: number])[];
  /** How C nfqlb was compiled, as told. */
  readonly cFlags?: string;
}

const CACHES = '/sys/devices/system/cpu/cpu0/cache';

export function thisMachine(cFlags?: string): Machine {
  const all = cpus();
  return {
    cpu: all[0]!.model,
    cpus: all.length,
    kernel: release(),
    node: process.version,
    caches: dataCaches(),
    ...(cFlags !== undefined && { cFlags }),
  };
}

function dataCaches(): [string, number][] {
  try {
    return readdirSync(CACHES)
      .filter((name) => name.startsWith('index'))
      .map(
        (name) =>
          ['level', 'type', 'size'].map((file) => readFileSync(`${CACHES}/${name}/${file}`, 'utf8').trim()) as [string, string, string],
      )
      .filter(([, type]) => type !== 'Instruction')
      .map(([level, type, size]): [string, number] => [`L${level}${type === 'Data' ? 'd' : ''}`, octets(size)])
      .sort(([, a], [, b]) => a - b);
  } catch {
    return [];
  }
}

/** `32K`, `16384K`. */
function octets(size: string): number {
  const [, number, unit] = /^(\d+)([KM]?)$/.exec(size)!;
  return Number(number) * { '': 1, K: 1024, M: 1024 ** 2 }[unit as '' | 'K' | 'M'];
}

/** Whether figures of both may be compared. */
export function isSameMachine(a: Machine, b: Machine): boolean {
  return a.cpu === b.cpu && a.cpus === b.cpus && a.kernel === b.kernel && a.node === b.node;
}

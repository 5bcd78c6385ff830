import { readdirSync, readFileSync } from 'node:fs';

/** Bits of those that tests name (linux/capability.h). */
const BITS: Readonly<Record<string, bigint>> = { CAP_NET_ADMIN: 12n, CAP_NET_RAW: 13n, CAP_PERFMON: 38n, CAP_BPF: 39n };

/** What the threads of a process may do, by the lines of /proc/PID/task/TID/status, each kind once. */
export function privilegesOf(pid: number): string[] {
  const kinds = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return status
      .split('\n')
      .filter((line) => /^(Cap(Prm|Eff|Bnd)|NoNewPrivs):/.test(line))
      .join(' ');
  });
  return [...new Set(kinds)];
}

/** The one kind whose threads have just these, and can gain no others. */
export function onlyThese(...capabilities: readonly string[]): string[] {
  const mask = capabilities.reduce((set, name) => set | (1n << BITS[name]!), 0n);
  const hex = mask.toString(16).padStart(16, '0');
  return [`CapPrm:\t${hex} CapEff:\t${hex} CapBnd:\t${hex} NoNewPrivs:\t1`];
}

export function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

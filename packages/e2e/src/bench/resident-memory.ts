import { readFileSync } from 'node:fs';

/**
 * Resident memory of a process, octets.
 *
 * @param status content of /proc/PID/status
 */
export function residentMemory(status: string): number {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(status)!;
  return Number(kibibytes) * 1024;
}

export function residentMemoryOf(pid: number): number {
  return residentMemory(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

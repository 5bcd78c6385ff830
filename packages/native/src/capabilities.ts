import { readdirSync, readFileSync } from 'node:fs';
import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/** Bits of capabilities (linux/capability.h), in their order, without `CAP_`. */
const NAMES = [
  'CHOWN',
  'DAC_OVERRIDE',
  'DAC_READ_SEARCH',
  'FOWNER',
  'FSETID',
  'KILL',
  'SETGID',
  'SETUID',
  'SETPCAP',
  'LINUX_IMMUTABLE',
  'NET_BIND_SERVICE',
  'NET_BROADCAST',
  'NET_ADMIN',
  'NET_RAW',
  'IPC_LOCK',
  'IPC_OWNER',
  'SYS_MODULE',
  'SYS_RAWIO',
  'SYS_CHROOT',
  'SYS_PTRACE',
  'SYS_PACCT',
  'SYS_ADMIN',
  'SYS_BOOT',
  'SYS_NICE',
  'SYS_RESOURCE',
  'SYS_TIME',
  'SYS_TTY_CONFIG',
  'MKNOD',
  'LEASE',
  'AUDIT_WRITE',
  'AUDIT_CONTROL',
  'SETFCAP',
  'MAC_OVERRIDE',
  'MAC_ADMIN',
  'SYSLOG',
  'WAKE_ALARM',
  'BLOCK_SUSPEND',
  'AUDIT_READ',
  'PERFMON',
  'BPF',
  'CHECKPOINT_RESTORE',
] as const;

/** Such as `CAP_NET_ADMIN`. */
export type Capability = `CAP_${(typeof NAMES)[number]}`;

/** A thread's capabilities, as bit masks, and whether it and what it starts can gain none (`NoNewPrivs`). */
export interface Privileges {
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly inheritable: bigint;
  readonly ambient: bigint;
  readonly bounding: bigint;
  readonly noNewPrivileges: boolean;
}

/** @param status /proc/PID/status */
export function parsePrivileges(status: string): Privileges {
  const field = (name: string): string => new RegExp(`^${name}:\\s*([\\da-f]+)$`, 'm').exec(status)?.[1] ?? '0';
  const set = (name: string): bigint => BigInt(`0x${field(name)}`);
  return {
    permitted: set('CapPrm'),
    effective: set('CapEff'),
    inheritable: set('CapInh'),
    ambient: set('CapAmb'),
    bounding: set('CapBnd'),
    noNewPrivileges: field('NoNewPrivs') === '1',
  };
}

/** Those of the calling thread. */
export function readPrivileges(): Privileges {
  return parsePrivileges(readFileSync('/proc/thread-self/status', 'utf8'));
}

/** Those of all threads of this process. */
export function readAllPrivileges(): Privileges[] {
  return readdirSync('/proc/self/task').flatMap((thread) => {
    try {
      return [parsePrivileges(readFileSync(`/proc/self/task/${thread}/status`, 'utf8'))];
    } catch {
      // It has just ended.
      return [];
    }
  });
}

export function hasCapability(set: bigint, capability: Capability): boolean {
  return (set & maskOf([capability])) !== 0n;
}

/** Names of the capabilities in a set; those that are newer than this program by their number. */
export function capabilityNames(set: bigint): string[] {
  const numbers = Array.from({ length: 64 }, (_, number) => number).filter((number) => ((set >> BigInt(number)) & 1n) === 1n);
  return numbers.map((number) => `CAP_${NAMES[number] ?? number}`);
}

/**
 * Leaves all threads of this process, and what they start, no capabilities but these, and none to gain: permitted, effective, inheritable, ambient,
 * and no_new_privs. The bounding set, too, if the process has CAP_SETPCAP; if not, it means nothing any more. Gives none that are not there.
 *
 * @throws {@link NativeError} `EPERM` where a filter of system calls forbids it
 */
export function keepOnly(capabilities: readonly Capability[]): void {
  const mask = maskOf(capabilities);
  try {
    binding().restrictPrivileges(Number(mask & 0xffff_ffffn), Number(mask >> 32n));
  } catch (error) {
    throw nativeError('capabilities', error);
  }
}

function maskOf(capabilities: readonly Capability[]): bigint {
  return capabilities.reduce((mask, name) => mask | (1n << BigInt((NAMES as readonly string[]).indexOf(name.slice('CAP_'.length)))), 0n);
}

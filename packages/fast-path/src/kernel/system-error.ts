import { readFileSync } from 'node:fs';
import { NativeError } from '@nfqlb/native';
import { FastPathError } from '../fast-path-error.js';

/** Bits of capabilities (linux/capability.h). */
const CAP_NET_ADMIN = 12n;
const CAP_SYS_ADMIN = 21n;
const CAP_BPF = 39n;

const WANTED = 'as root, or with CAP_BPF and CAP_NET_ADMIN (in a container, of the machine’s own user namespace)';

/** The capabilities that this process lacks; empty if it has all. */
export function missingCapabilities(): string[] {
  const [, effective = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8')) ?? [];
  const bits = BigInt(`0x${effective}`);
  const has = (capability: bigint): boolean => ((bits >> capability) & 1n) === 1n;
  return [...(has(CAP_BPF) || has(CAP_SYS_ADMIN) ? [] : ['CAP_BPF']), ...(has(CAP_NET_ADMIN) ? [] : ['CAP_NET_ADMIN'])];
}

/** @throws {@link FastPathError} `not-permitted` */
export function requireCapabilities(): void {
  const missing = missingCapabilities();
  if (missing.length > 0) throw new FastPathError('not-permitted', `the fast path needs ${missing.join(' and ')}: run it ${WANTED}`);
}

/**
 * Turns a failed system call into an error that says what to do.
 *
 * @param what was attempted: `making the map buckets`
 */
export function systemError(what: string, error: unknown): FastPathError {
  if (error instanceof FastPathError) return error;
  const { code, message } = error as NativeError;
  if (!(error instanceof NativeError) && typeof code !== 'string') throw error;
  switch (code) {
    case 'EPERM':
    case 'EACCES':
      return new FastPathError('not-permitted', `${what}: not permitted; run it ${WANTED}`, { cause: error });
    case 'ENOSYS':
      return new FastPathError('not-supported', `${what}: this kernel has no bpf(2): it needs CONFIG_BPF_SYSCALL`, { cause: error });
    case 'ENOMEM':
    case 'E2BIG':
      return new FastPathError('out-of-memory', `${what}: not enough kernel memory`, { cause: error });
    default:
      return new FastPathError('failed', `${what}: ${message}`, { cause: error });
  }
}

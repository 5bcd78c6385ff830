import { hasCapability, NativeError, readPrivileges } from '@nfqlb/native';
import { FastPathError } from '../fast-path-error.js';

const WANTED = 'as root, or with CAP_BPF and CAP_NET_ADMIN (in a container, of the machine’s own user namespace)';

/** The capabilities that this process lacks; empty if it has all. */
export function missingCapabilities(): string[] {
  const { effective } = readPrivileges();
  const mayLoad = hasCapability(effective, 'CAP_BPF') || hasCapability(effective, 'CAP_SYS_ADMIN');
  return [...(mayLoad ? [] : ['CAP_BPF']), ...(hasCapability(effective, 'CAP_NET_ADMIN') ? [] : ['CAP_NET_ADMIN'])];
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

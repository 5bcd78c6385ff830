// What a check finds.

export type Outcome =
  | { readonly kind: 'passed' }
  /** @property reason in plain words, such as `connection refused` */
  | { readonly kind: 'failed'; readonly reason: string }
  /** It could not be made, which says nothing about the target. */
  | { readonly kind: 'impossible'; readonly reason: string };

export const PASSED: Outcome = { kind: 'passed' };

/** A check that fails, in its own words. */
export class CheckFailure extends Error {
  override readonly name = 'CheckFailure';
  readonly code = 'CHECK_FAILED';
}

/** A check that cannot be made, in its own words. */
export class ImpossibleCheck extends Error {
  override readonly name = 'ImpossibleCheck';
  readonly code = 'CHECK_IMPOSSIBLE';
}

/** Of the network or the target, by errno; not of this machine. */
const FAILURES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  EHOSTUNREACH: 'host unreachable',
  EHOSTDOWN: 'host unreachable',
  ENETUNREACH: 'network unreachable',
  ENETDOWN: 'network down',
  ETIMEDOUT: 'no answer',
  ENOPROTOOPT: 'protocol unreachable',
  EPROTO: 'protocol unreachable',
  EMSGSIZE: 'packet too big',
};

/** Of this machine: what is wrong, and what to do. */
const TROUBLES: Readonly<Record<string, string>> = {
  EPERM: 'not permitted: needs CAP_NET_ADMIN for a fwmark and CAP_NET_RAW for icmp and sctp, and packet rules that let it out',
  EACCES: 'not permitted: needs CAP_NET_ADMIN for a fwmark and CAP_NET_RAW for icmp and sctp, and packet rules that let it out',
  EMFILE: 'too many open files: raise LimitNOFILE',
  ENFILE: 'too many open files in the system: raise fs.file-max',
  ENOMEM: 'out of memory',
  ENOBUFS: 'out of buffers',
  EADDRNOTAVAIL: 'no local port or address left: widen net.ipv4.ip_local_port_range, or check less often',
  EAFNOSUPPORT: 'this machine has no such address family',
  EPROTONOSUPPORT: 'this machine does not have the protocol',
};

/** What an error of a check means. One that is not known is no target's fault: it must not take targets out of use. */
export function outcomeOf(error: unknown): Outcome {
  if (error instanceof CheckFailure) return { kind: 'failed', reason: error.message };
  if (error instanceof ImpossibleCheck) return { kind: 'impossible', reason: error.message };
  const { code = '', message } = error as Error & { readonly code?: string };
  const failure = FAILURES[code];
  return failure === undefined ? { kind: 'impossible', reason: TROUBLES[code] ?? message } : { kind: 'failed', reason: failure };
}

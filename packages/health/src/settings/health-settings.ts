// How a target is checked, complete: what a table's and a target's `health` add up to (complete.ts). Times are in seconds.

/** What all checks have. */
export interface CheckSchedule {
  /** `address`: the target's own addresses. `vip`: the table's VIPs, with the target's fwmark: on the same path as a client's packets. */
  readonly to: 'address' | 'vip';
  /** From the start of a check to the start of the next. */
  readonly interval: number;
  /** How long a check may take. At most {@link interval}. */
  readonly timeout: number;
  /** Checks in a row that must pass until a target that is down is up. */
  readonly rise: number;
  /** Checks in a row that must fail until a target that is up is down. */
  readonly fall: number;
  /** By which share of the interval a check may be early or late, so that many checks do not come at once. */
  readonly jitter: number;
  readonly damping: Damping;
}

/** A target that went down `downs` times within `within` is held down until all checks have passed for `hold`. */
export interface Damping {
  /** 0: never. */
  readonly downs: number;
  readonly within: number;
  readonly hold: number;
}

/** Which statuses of HTTP pass: from and to, inclusive. */
export interface StatusRange {
  readonly from: number;
  readonly to: number;
}

export interface TcpCheck {
  readonly type: 'tcp';
  readonly port: number;
}

export interface HttpCheck {
  readonly type: 'http';
  readonly port: number;
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  /** The Host header; `undefined`: the address that is checked. */
  readonly host: string | undefined;
  readonly status: readonly StatusRange[];
}

export interface HttpsCheck extends Omit<HttpCheck, 'type'> {
  readonly type: 'https';
  /** The server name in the TLS handshake, and in the certificate; `undefined`: {@link host}, without its port. */
  readonly sni: string | undefined;
  /** Whether the certificate must be valid. */
  readonly verify: boolean;
  /** File with the certificates of the authorities to trust (PEM); `undefined`: those that come with Node. */
  readonly ca: string | undefined;
}

export interface UdpCheck {
  readonly type: 'udp';
  readonly port: number;
  readonly send: Uint8Array;
  /** What the answer must contain; `undefined`: any answer will do. */
  readonly expect: Uint8Array | undefined;
}

/** An ICMP or ICMPv6 echo. */
export interface IcmpCheck {
  readonly type: 'icmp';
}

/** An SCTP INIT, which is answered by an INIT ACK, and then aborted. */
export interface SctpCheck {
  readonly type: 'sctp';
  readonly port: number;
}

/** A program, which must end with status 0. */
export interface ExecCheck {
  readonly type: 'exec';
  /** The program and its arguments. No shell; `{address}` and `{fwmark}` within an argument are replaced. */
  readonly command: readonly string[];
}

export type CheckKind = TcpCheck | HttpCheck | HttpsCheck | UdpCheck | IcmpCheck | SctpCheck | ExecCheck;

export type CheckType = CheckKind['type'];

export type HealthSettings = CheckSchedule & CheckKind;

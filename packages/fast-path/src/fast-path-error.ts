export type FastPathErrorCode =
  /** The kernel lacks something: bpf(2), a kind of map, or a way to attach to an interface. */
  | 'not-supported'
  /** CAP_BPF or CAP_NET_ADMIN is missing, or the folder for pins belongs to another user. */
  | 'not-permitted'
  /** The kernel's verifier refused the program; `log` has its last lines. */
  | 'rejected'
  | 'no-interface'
  /** The folder for pins is not in a BPF file system. */
  | 'no-bpffs'
  /** Another running program has this interface's fast path. */
  | 'in-use'
  /** A name in the folder for pins is something else's. */
  | 'foreign'
  /** The memory for maps exceeds RLIMIT_MEMLOCK or what the machine has. */
  | 'out-of-memory'
  | 'out-of-range'
  /** Any other failed system call. */
  | 'failed';

/** Why the fast path does not work: one line that says what to do. Packets take the way through the queue. */
export class FastPathError extends Error {
  override readonly name = 'FastPathError';
  readonly code: FastPathErrorCode;
  /** With `rejected`: the last lines of the verifier's log. */
  readonly log: readonly string[];

  constructor(code: FastPathErrorCode, message: string, { log = [], cause }: { log?: readonly string[]; cause?: unknown } = {}) {
    super(message, { cause });
    this.code = code;
    this.log = log;
  }
}

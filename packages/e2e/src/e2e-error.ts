/** Codes of {@link E2eError}. Stable: callers may compare them. */
export type E2eErrorCode =
  /** A program could not be started, or exited with a status other than 0. */
  | 'command-failed'
  /** An expected event did not happen in time. */
  | 'timed-out'
  /** Mutually exclusive or invalid options. */
  | 'conflict'
  /** The machine lacks a program, a privilege or a kernel feature. */
  | 'missing-prerequisite';

/** A failure of a topology, of a program in it, or of the machine. */
export class E2eError extends Error {
  override readonly name = 'E2eError';
  readonly code: E2eErrorCode;

  constructor(code: E2eErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What {@link E2eError} tells apart. Stable: callers may compare. */
export type E2eErrorCode =
  /** A program could not be started, or ended with another status than 0. */
  | 'command-failed'
  /** What was waited for did not happen in time. */
  | 'timed-out'
  /** Options that exclude each other, or of the command line that are wrong. */
  | 'conflict'
  /** The machine lacks a program, a right, or a part of the kernel. */
  | 'missing-prerequisite';

/** A topology, a program in it, or the machine does not do what a test needs. */
export class E2eError extends Error {
  override readonly name = 'E2eError';
  readonly code: E2eErrorCode;

  constructor(code: E2eErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Kinds of {@link SetupError}. Stable: callers may compare. */
export type SetupErrorCode =
  /** A program that sets up the kernel is not installed. */
  | 'missing-program'
  /** Not root, or without CAP_NET_ADMIN. */
  | 'not-permitted'
  /** A program exited with a status other than 0, or printed something unexpected. */
  | 'command-failed'
  /** A program that was started did not work in time. */
  | 'timed-out';

/** Configuring the kernel, or reading its configuration, failed. The message is for the user. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly code: SetupErrorCode;
  /** Which line of the program's standard input failed, from 1 on, if the program reports it. */
  readonly line: number | undefined;

  constructor(code: SetupErrorCode, message: string, options: ErrorOptions & { readonly line?: number | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.line = options.line;
  }
}

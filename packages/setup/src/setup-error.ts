/** What {@link SetupError} tells apart. Stable: callers may compare. */
export type SetupErrorCode =
  /** A program that sets up the kernel is not installed. */
  | 'missing-program'
  /** Not root, or without CAP_NET_ADMIN. */
  | 'not-permitted'
  /** A program ended with another status than 0, or said what nobody expected. */
  | 'command-failed'
  /** What was started did not do its part in time. */
  | 'timed-out';

/** Setting up the kernel, or looking at how it is set up, does not work. The message is for the user. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
  readonly code: SetupErrorCode;
  /** Of what a program was given on its standard input, the line that it could not do, from 1 on; where it says that. */
  readonly line: number | undefined;

  constructor(code: SetupErrorCode, message: string, options: ErrorOptions & { readonly line?: number | undefined } = {}) {
    super(message, options);
    this.code = code;
    this.line = options.line;
  }
}

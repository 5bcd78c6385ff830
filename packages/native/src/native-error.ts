/** A system call that failed, or an addon that cannot be loaded. */
export class NativeError extends Error {
  override readonly name = 'NativeError';
  /** The errno's name (`EBUSY`), or `NO_ADDON`. */
  readonly code: string;
  /** What was attempted. */
  readonly operation: string;

  constructor(code: string, operation: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.operation = operation;
  }
}

/** What the addon puts on the errors that it throws (addon/addon.cc, `throwSystemError`). */
interface AddonError extends Error {
  readonly code: string;
  readonly operation: string;
}

/**
 * Makes a {@link NativeError} of what the addon threw.
 *
 * @param hints what to say for an errno instead of the system's words
 */
export function nativeError(error: unknown, hints: Readonly<Record<string, string>> = {}): NativeError {
  const { code = 'UNKNOWN', operation = 'native', message } = error as AddonError;
  const hint = hints[code];
  return new NativeError(code, operation, hint === undefined ? `${message} (${code})` : `${operation}: ${hint} (${code})`, {
    cause: error,
  });
}

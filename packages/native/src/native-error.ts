import { getSystemErrorName } from 'node:util';

/** A system call that failed, an argument that it would refuse, or an addon that cannot be loaded. */
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

/** What the addon throws (addon/errors.cc); its message is the system's words for the errno. */
interface AddonError extends Error {
  readonly errno: number;
  readonly operation: string;
}

/**
 * Makes a {@link NativeError} of what the addon threw.
 *
 * @param subject what it was about, as in `NFQUEUE 2`
 * @param hints what to say for an errno, by its name, instead of what was attempted and the system's words
 */
export function nativeError(subject: string, error: unknown, hints: Readonly<Record<string, string>> = {}): NativeError {
  const { errno, operation, message } = error as AddonError;
  // Not from a system call: a bug, to be seen with its stack.
  if (errno === undefined) throw error;
  const code = getSystemErrorName(-errno);
  return new NativeError(code, operation, `${subject}: ${hints[code] ?? `${operation}: ${message}`} (${code})`, { cause: error });
}

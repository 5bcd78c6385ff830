import { getSystemErrorName } from 'node:util';

/** A failed system call, an argument it would refuse, or an addon that cannot be loaded. */
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

/** What the addon throws (addon/errors.cc); its message is the system's text for the errno. */
interface AddonError extends Error {
  readonly errno: number;
  readonly operation: string;
}

/**
 * Turns an error of the addon into a {@link NativeError}.
 *
 * @param subject what the message is about, such as `NFQUEUE 2`
 * @param hints texts by errno name, used instead of the operation and the system's text
 */
export function nativeError(subject: string, error: unknown, hints: Readonly<Record<string, string>> = {}): NativeError {
  const { errno, operation, message } = error as AddonError;
  // Not from a system call: a bug, so keep its stack.
  if (errno === undefined) throw error;
  const code = getSystemErrorName(-errno);
  return new NativeError(code, operation, `${subject}: ${hints[code] ?? `${operation}: ${message}`} (${code})`, { cause: error });
}

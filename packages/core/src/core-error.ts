/** What {@link CoreError} tells apart. Stable: callers may compare. */
export type CoreErrorCode =
  /** A number, name, address or the like is none of those allowed. */
  | 'out-of-range'
  /** Options that exclude each other. */
  | 'conflict'
  /** Memory is too small for the table that it says it holds, or holds none. */
  | 'not-a-table'
  /** More memory than there is. */
  | 'out-of-memory'
  /** More targets than slots. */
  | 'no-free-slot';

/** Bad configuration. The data plane throws nothing: a bad packet is an answer, not an error. */
export class CoreError extends Error {
  override readonly name = 'CoreError';
  readonly code: CoreErrorCode;

  constructor(code: CoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

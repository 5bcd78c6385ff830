/** Codes of {@link CoreError}. Stable: callers may compare them. */
export type CoreErrorCode =
  /** A number, name, address or other value is not allowed. */
  | 'out-of-range'
  /** Mutually exclusive options. */
  | 'conflict'
  /** The memory contains no table, or is too small for the table's size. */
  | 'not-a-table'
  /** Not enough memory. */
  | 'out-of-memory'
  /** More targets than slots. */
  | 'no-free-slot';

/** Bad configuration. The data plane never throws: bad packets are return values, not errors. */
export class CoreError extends Error {
  override readonly name = 'CoreError';
  readonly code: CoreErrorCode;

  constructor(code: CoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

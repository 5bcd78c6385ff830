/** What {@link CaptureError} tells apart. Stable: callers may compare. */
export type CaptureErrorCode =
  /** The file cannot be opened or read. */
  | 'unreadable'
  /** It holds nothing, or something that is no capture. */
  | 'not-a-capture'
  /** It ends inside a record. */
  | 'cut-off'
  /** A record says what cannot be. */
  | 'corrupt'
  /** A link type that this reader does not know. */
  | 'link-type';

/** A capture that cannot be read, or not to its end. The message names the file, the place and what is allowed. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Codes of {@link CaptureError}. Stable: callers may compare them. */
export type CaptureErrorCode =
  /** The file cannot be opened or read. */
  | 'unreadable'
  /** The file is empty, or not a capture. */
  | 'not-a-capture'
  /** The file ends inside a record. */
  | 'cut-off'
  /** A record is invalid. */
  | 'corrupt'
  /** The link type is not supported. */
  | 'link-type';

/** A capture that cannot be read, or only in part. The message names the file, the position and what is allowed. */
export class CaptureError extends Error {
  override readonly name = 'CaptureError';
  readonly code: CaptureErrorCode;

  constructor(code: CaptureErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

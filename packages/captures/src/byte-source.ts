/** The octets of a capture, in order. */
export interface ByteSource {
  /** For messages: the path, or `standard input`. */
  readonly name: string;
  /** Octets of the file, for progress; `undefined` when unknown. */
  readonly size: number | undefined;
  /** Octets of the file read so far. */
  readonly consumed: number;
  /** Whether the octets were unzipped, so that offsets in them are not offsets in the file. */
  readonly unzipped: boolean;
  /**
   * Reads at least one octet into the front of `into`; returns how many, 0 at the end. Returns a promise only for gzip, so that a loop over
   * a plain file never waits for the event loop.
   *
   * @throws {@link CaptureError} `unreadable`, or `corrupt` for a damaged gzip stream
   */
  read(into: Uint8Array): number | Promise<number>;
  close(): void;
}

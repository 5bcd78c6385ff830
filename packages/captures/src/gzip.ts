import { CaptureError } from './capture-error.js';

/** Whether data begins like a gzip stream: RFC 1952 §2.3.1, ID1 and ID2. */
export function isGzip(begin: Uint8Array): boolean {
  return begin[0] === 0x1f && begin[1] === 0x8b;
}

/** The error for a gzip stream that breaks off or is damaged after so many octets of what is in it. */
export function damagedGzip(name: string, length: number, cause: Error): CaptureError {
  return new CaptureError('corrupt', `${name}: damaged gzip stream: ${cause.message} at byte ${length} of the unzipped capture`, { cause });
}

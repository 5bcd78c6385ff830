/** Whether data begins like a gzip stream: RFC 1952 §2.3.1, ID1 and ID2. */
export function isGzip(begin: Uint8Array): boolean {
  return begin[0] === 0x1f && begin[1] === 0x8b;
}

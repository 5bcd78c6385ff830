/** The four octets at `at` as a word of the key (packet-key.ts), little-endian. 32 bits, signed. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

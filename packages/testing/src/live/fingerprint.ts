/** A packet without what changes on its way through a router: time to live and header checksum (RFC 791 §3.1), or hop limit (RFC 8200 §3). */
export function fingerprint(bytes: Uint8Array): string {
  const copy = Buffer.from(bytes);
  if (copy.length >= 20 && copy[0]! >> 4 === 4) copy.fill(0, 8, 9).fill(0, 10, 12);
  else if (copy.length >= 8) copy[7] = 0;
  return copy.toString('latin1');
}

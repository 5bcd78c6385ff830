import { internetChecksum } from '@nfqlb/core/packet-builder';

/** Sets the identification of a fragment without options or other extension headers, and the checksum of its header. */
export function setIdentification(fragment: Uint8Array, family: 4 | 6, identification: number): void {
  const view = new DataView(fragment.buffer, fragment.byteOffset);
  // RFC 8200 §4.5: a fragment header after 40 octets, in its second half.
  if (family === 6) view.setUint32(44, identification);
  else {
    // RFC 791 §3.1.
    view.setUint16(4, identification & 0xffff);
    view.setUint16(10, 0);
    view.setUint16(10, internetChecksum(fragment.subarray(0, 20)));
  }
}

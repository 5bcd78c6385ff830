/** Octets of an IPv4 header without options: what `packet().ipv4(…)` puts in front. */
export const WITHOUT_IP_HEADER = 20;

/** What follows the IP header in a packet from a raw socket: raw(7) shows IPv4's header, but not IPv6's. Empty for a broken packet. */
export function afterIpHeader(received: Buffer, isV4: boolean): Buffer {
  if (!isV4) return received;
  // RFC 791 §3.1: the header's length in units of four octets.
  const length = ((received[0] ?? 0) & 0xf) * 4;
  return received.subarray(length < WITHOUT_IP_HEADER ? received.length : length);
}

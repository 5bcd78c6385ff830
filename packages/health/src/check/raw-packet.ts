/** Octets of an IPv4 header without options: what `packet().ipv4(…)` puts in front. */
export const WITHOUT_IP_HEADER = 20;

/** What follows the IP header in a packet from a raw socket: raw(7) shows IPv4's header, but not IPv6's. Empty for a broken packet. */
export function afterIpHeader(received: Buffer, isV4: boolean): Buffer {
  return isV4 && received.length > 0 ? received.subarray((received[0]! & 0xf) * 4) : received;
}

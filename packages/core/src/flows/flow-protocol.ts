/** The protocols that a flow can match: those with ports. */
export type FlowProtocol = 'tcp' | 'udp' | 'sctp';

/** Length of the fixed header in octets: TCP without options (RFC 9293 §3.1), UDP (RFC 768), SCTP (RFC 9260 §3.1). */
export const FIXED_HEADER_LENGTH: Readonly<Record<FlowProtocol, number>> = { tcp: 20, udp: 8, sctp: 12 };

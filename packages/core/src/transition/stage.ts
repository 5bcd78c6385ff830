import { Kind } from '../key/kind.js';
import type { PacketKey } from '../key/packet-key.js';
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP } from '../wire/protocol.js';
import { isQuicInitial, QUIC_TYPE_LENGTH } from '../wire/quic.js';
import { firstChunkType, SCTP_ABORT, SCTP_CHUNK_TYPE_LENGTH, SCTP_INIT, SCTP_SHUTDOWN_ACK, SCTP_SHUTDOWN_COMPLETE } from '../wire/sctp.js';
import { TCP_ACK, TCP_FIN, TCP_FLAGS_LENGTH, TCP_RST, TCP_SYN, tcpFlags } from '../wire/tcp.js';
import { UDP_HEADER_LENGTH } from '../wire/udp.js';

/** What a packet tells about its connection. */
export const Stage = {
  /** It begins one: a TCP SYN, an SCTP INIT, a QUIC Initial. */
  Begins: 1,
  /** It belongs to one that began earlier. */
  Continues: 2,
  /** It ends one, at least in this direction: a TCP FIN or RST, an SCTP ABORT or the end of a shutdown. */
  Ends: 3,
  /** It is about one, but proves nothing: an ICMP error, or a packet that is too short. */
  Refers: 4,
  /** Its protocol shows no beginning, and such packets go by the table alone. */
  Untold: 5,
} as const;

export type Stage = (typeof Stage)[keyof typeof Stage];

/**
 * @param key of the packet, just extracted
 * @param followsOthers whether connections of protocols that show no beginning keep their target, too (`--drain_udp=former`)
 */
export function stageOf(key: PacketKey, kind: Kind, bytes: Uint8Array, followsOthers: boolean): Stage {
  const { protocol, transportAt: at, transportLength: length } = key;
  if (protocol === IPPROTO_TCP) return length < TCP_FLAGS_LENGTH ? Stage.Refers : tcpStage(tcpFlags(bytes, at));
  if (protocol === IPPROTO_SCTP) return length < SCTP_CHUNK_TYPE_LENGTH ? Stage.Refers : sctpStage(firstChunkType(bytes, at));
  if (!followsOthers) return Stage.Untold;
  if (kind === Kind.IcmpInner) return Stage.Refers;
  if (protocol !== IPPROTO_UDP || length < UDP_HEADER_LENGTH + QUIC_TYPE_LENGTH) return Stage.Continues;
  return isQuicInitial(bytes, at + UDP_HEADER_LENGTH, length - UDP_HEADER_LENGTH) ? Stage.Begins : Stage.Continues;
}

function tcpStage(flags: number): Stage {
  if ((flags & (TCP_SYN | TCP_ACK | TCP_RST)) === TCP_SYN) return Stage.Begins;
  return (flags & (TCP_FIN | TCP_RST)) === 0 ? Stage.Continues : Stage.Ends;
}

function sctpStage(chunk: number): Stage {
  if (chunk === SCTP_INIT) return Stage.Begins;
  return chunk === SCTP_ABORT || chunk === SCTP_SHUTDOWN_ACK || chunk === SCTP_SHUTDOWN_COMPLETE ? Stage.Ends : Stage.Continues;
}

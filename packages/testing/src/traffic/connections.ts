import { formatIpAddress, isIpv4, parseIpAddress } from '@nfqlb/core/address';
import { type PacketBuilder, packet } from '@nfqlb/core/packet-builder';
import { TestingError } from '../testing-error.js';

export interface ConnectionsOptions {
  /** Address and port of the service, such as `10.0.0.1:80` or `[1000::1]:80`. */
  readonly to: string;
  /** Default `tcp`. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /** The first client's address; the others have those after it. Default 198.18.0.1 or 2001:db8::1. */
  readonly from?: string;
}

/** More clients would have the addresses of others. */
const MOST = 65_000;

const SYN = 0x02;
const ACK = 0x10;
const FIN_ACK = 0x11;
/** Chunk types (RFC 9260 §3.2). */
const [SCTP_DATA, SCTP_INIT, SCTP_ABORT] = [0, 1, 6];

/** Clients with one connection each. `connections(1000, { to: '10.0.0.1:80' })` */
export function connections(count: number, options: ConnectionsOptions): Connections {
  return new Connections(count, options);
}

/**
 * Connections from as many addresses. Each time they are sent, each sends its next packet: the first one begins it (with TCP, a SYN), the
 * others continue it. {@link end} ends them.
 */
class Connections implements Iterable<Uint8Array> {
  readonly count: number;
  readonly #builders: readonly PacketBuilder[];
  readonly #ports: readonly number[];
  readonly #port: number;
  readonly #protocol: 'tcp' | 'udp' | 'sctp';
  #begun = false;

  constructor(count: number, { to, protocol = 'tcp', from }: ConnectionsOptions) {
    if (!Number.isInteger(count) || count < 1 || count > MOST) {
      throw new TestingError(`connections: ${count}: must be a whole number from 1 to ${MOST}`);
    }
    const [, six, four, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(to) ?? [];
    const address = parseIpAddress(six ?? four ?? '');
    if (!address || Number(port) > 65_535) {
      throw new TestingError(`connections: to ${JSON.stringify(to)}: must be an address and a port, such as 10.0.0.1:80 or [1000::1]:80`);
    }
    const isFour = isIpv4(address);
    const first = parseIpAddress(from ?? (isFour ? '198.18.0.1' : '2001:db8::1'));
    if (!first || isIpv4(first) !== isFour) {
      throw new TestingError(`connections: from ${JSON.stringify(from)}: must be an IPv${isFour ? 4 : 6} address, as ${to} is`);
    }
    this.count = count;
    this.#port = Number(port);
    this.#protocol = protocol;
    // An odd factor permutes the numbers: neighbours do not have neighbouring ports.
    this.#ports = Array.from({ length: count }, (_, i) => 1024 + ((i * 25_173) % 64_000));
    this.#builders = Array.from({ length: count }, (_, i) => {
      const source = formatIpAddress(after(first, i));
      const destination = formatIpAddress(address);
      return isFour ? packet().ipv4(source, destination) : packet().ipv6(source, destination);
    });
  }

  *[Symbol.iterator](): Iterator<Uint8Array> {
    const flags = this.#begun ? ACK : SYN;
    const chunk = this.#begun ? SCTP_DATA : SCTP_INIT;
    this.#begun = true;
    yield* this.#packets(flags, chunk);
  }

  /** Their last packets: FIN of TCP, ABORT of SCTP; UDP has none. When sent again after that, they begin anew. */
  *end(): Iterable<Uint8Array> {
    this.#begun = false;
    if (this.#protocol !== 'udp') yield* this.#packets(FIN_ACK, SCTP_ABORT);
  }

  *#packets(flags: number, chunk: number): Iterable<Uint8Array> {
    for (const [i, builder] of this.#builders.entries()) {
      const port = this.#ports[i]!;
      if (this.#protocol === 'tcp') yield builder.tcp(port, this.#port, { flags }).build();
      else if (this.#protocol === 'udp') yield builder.udp(port, this.#port).payload(8).build();
      // A chunk: type, flags, length.
      else
        yield builder
          .sctp(port, this.#port)
          .payload(Uint8Array.of(chunk, 0, 0, 4))
          .build();
    }
  }
}

export type { Connections };

/** The address `i` places after another. */
function after(address: Uint8Array, i: number): Uint8Array {
  const next = address.slice();
  const view = new DataView(next.buffer);
  view.setUint32(12, view.getUint32(12) + i);
  return next;
}

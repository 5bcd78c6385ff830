// A second implementation of data-plane §1, only for tests: slow, with slices and DataView, sharing no code with the one under test.

export interface NaiveKey {
  readonly kind: string;
  /** The 40 octets in hex; absent for a malformed packet. */
  readonly key?: string;
  /** Identification of a fragment's datagram, in hex as on the wire. */
  readonly id?: string;
  /** Which octets of its datagram a fragment carries, and whether more follow. */
  readonly part?: readonly [begin: number, end: number, more: boolean];
}

const MALFORMED: NaiveKey = { kind: 'malformed' };
const WITH_PORTS = [6, 17, 132];
const EXTENSIONS = [0, 43, 60];

interface Headers {
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly protocol: number;
  /** What follows all IP headers. */
  readonly rest: Uint8Array;
  /** For a fragment: the octets of its identification, and the part that it carries. */
  readonly fragment?: { readonly id: Uint8Array; readonly part: readonly [begin: number, end: number, more: boolean] };
  readonly first: boolean;
}

export function naiveKey(packet: Uint8Array, ipv6: boolean, encap: number): NaiveKey {
  const headers = ipv6 ? readIpv6(packet, true) : readIpv4(packet, true);
  if (!headers) return MALFORMED;
  const { src, dst, fragment, first } = headers;
  if (!fragment) return readTransport(headers, ipv6, encap);
  const { id, part } = fragment;
  if (!first) return { kind: 'fragment', key: join(src, dst, [...id, 0, 0, 0, 0, 0, 0].slice(0, 8)), id: hex(id), part };
  const whole = readTransport(headers, ipv6, encap);
  return ['malformed', 'icmp-inner'].includes(whole.kind) ? MALFORMED : { ...whole, kind: 'first-fragment', id: hex(id), part };
}

function readTransport({ src, dst, protocol, rest }: Headers, ipv6: boolean, encap: number): NaiveKey {
  if (protocol === (ipv6 ? 58 : 1)) {
    if (rest.length < 8) return MALFORMED;
    const type = rest[0]!;
    if ((ipv6 ? [1, 2, 3, 4] : [3, 4, 5, 11, 12]).includes(type)) return readQuoted(rest.slice(8), ipv6, encap);
    const id = type === (ipv6 ? 128 : 8) ? [rest[4]!, rest[5]!] : [0, 0];
    return { kind: 'icmp', key: join(src, dst, [...id, protocol, 0, 0, 0, 0, 0]) };
  }
  if (!WITH_PORTS.includes(protocol)) return { kind: 'addresses-only', key: join(src, dst, [0, 0, protocol, 0, 0, 0, 0, 0]) };
  if (rest.length < 4) return MALFORMED;
  if (protocol === 17 && encap !== 0 && view(rest).getUint16(2) === encap) {
    if (rest.length < 12) return MALFORMED;
    return { kind: 'udp-encap', key: join(src, dst, [0, 0, 132, 0, ...rest.slice(8, 12)]) };
  }
  return { kind: 'normal', key: join(src, dst, [0, 0, protocol, 0, ...rest.slice(0, 4)]) };
}

function readQuoted(quote: Uint8Array, ipv6: boolean, encap: number): NaiveKey {
  const headers = ipv6 ? readIpv6(quote, false) : readIpv4(quote, false);
  if (!headers) return MALFORMED;
  const { src, dst, rest, first } = headers;
  let { protocol } = headers;
  let ports = [0, 0, 0, 0];
  if (WITH_PORTS.includes(protocol) && first) {
    if (rest.length < 4) return MALFORMED;
    let at = 0;
    if (protocol === 17 && encap !== 0 && view(rest).getUint16(0) === encap) {
      if (rest.length < 12) return MALFORMED;
      protocol = 132;
      at = 8;
    }
    ports = [...rest.slice(at + 2, at + 4), ...rest.slice(at, at + 2)];
  }
  return { kind: 'icmp-inner', key: join(dst, src, [0, 0, protocol, 0, ...ports]) };
}

/** @param whole whether to check the lengths of a fragment; false for a quote, which is truncated */
function readIpv4(packet: Uint8Array, whole: boolean): Headers | undefined {
  if (packet.length < 20) return undefined;
  const header = (packet[0]! % 16) * 4;
  if (header < 20) return undefined;
  const field = view(packet).getUint16(6);
  const offset = field % 8192;
  const more = Math.floor(field / 8192) % 2 === 1;
  const begin = offset * 8;
  const end = begin + view(packet).getUint16(2) - header;
  const fragment = { id: packet.slice(4, 6), part: [begin, end, more] as const };
  if (whole && (offset !== 0 || more) && (end < begin || header + end > 65535)) return undefined;
  const mapped = (address: Uint8Array): Uint8Array => Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...address]);
  return {
    src: mapped(packet.slice(12, 16)),
    dst: mapped(packet.slice(16, 20)),
    protocol: packet[9]!,
    rest: packet.slice(header),
    ...(offset !== 0 || more ? { fragment } : {}),
    first: offset === 0,
  };
}

/** @param once whether a second fragment header makes the packet malformed; false for a quote */
function readIpv6(packet: Uint8Array, once: boolean): Headers | undefined {
  if (packet.length < 40) return undefined;
  const addresses = { src: packet.slice(8, 24), dst: packet.slice(24, 40) };
  let protocol = packet[6]!;
  let rest = packet.slice(40);
  let fragment: Headers['fragment'];
  let seen = false;
  while (EXTENSIONS.includes(protocol) || protocol === 44) {
    if (rest.length < 8) return undefined;
    if (protocol === 44) {
      if (seen && once) return undefined;
      seen = true;
      const field = view(rest).getUint16(2);
      const begin = field - (field % 8);
      const more = field % 2 === 1;
      const before = packet.length - 40 - rest.length;
      const end = begin + view(packet).getUint16(4) - before - 8;
      // A quote is truncated: the length of its packet does not matter.
      if (once && (begin > 0 || more) && (end < begin || before + end > 65535)) return undefined;
      protocol = rest[0]!;
      const own = { id: rest.slice(4, 8), part: [begin, end, more] as const };
      rest = rest.slice(8);
      if (begin > 0) return { ...addresses, protocol, rest, fragment: own, first: false };
      if (more) fragment = own;
    } else {
      protocol = rest[0]!;
      rest = rest.slice((rest[1]! + 1) * 8);
    }
  }
  return { ...addresses, protocol, rest, ...(fragment ? { fragment } : {}), first: true };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function join(src: Uint8Array, dst: Uint8Array, last: readonly number[]): string {
  return hex([...src, ...dst, ...last]);
}

function hex(octets: Iterable<number>): string {
  return Array.from(octets, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

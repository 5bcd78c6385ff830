/**
 * IP addresses as text and as octets: RFC 4291 §2.2 (text forms), RFC 5952 (canonical form).
 *
 * An address is 16 octets, as in a packet key. An IPv4 address is stored as the IPv4-mapped address ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so as
 * octets, the two cannot be distinguished.
 */

/** Length of an address in octets. */
export const ADDRESS_LENGTH = 16;

/** Offset of the four octets of an IPv4 address; also the length of the mapped prefix in octets. */
export const IPV4_AT = 12;

/** Parses an address; `undefined` if `text` is not one. A zone (`%eth0`) is refused: addresses in packets have none. */
export function parseIpAddress(text: string): Uint8Array | undefined {
  if (text.includes(':')) return parseIpv6(text);
  const ipv4 = parseDottedQuad(text);
  return ipv4 && Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...ipv4);
}

/** Whether the 16 octets of `address` are an IPv4 address. */
export function isIpv4(address: Uint8Array): boolean {
  for (let i = 0; i < 10; i++) if (address[i] !== 0) return false;
  return address[10] === 0xff && address[11] === 0xff;
}

/** `a.b.c.d` for an IPv4 address, else as {@link formatIpv6}. */
export function formatIpAddress(address: Uint8Array): string {
  return isIpv4(address) ? formatDottedQuad(address) : formatIpv6(address);
}

/**
 * Formats `address` as IPv6, even if it is IPv4 (`::ffff:a.b.c.d`): RFC 5952 §4. The last 32 bits are dotted (§5) for the same addresses as in
 * inet_ntop(3): IPv4-mapped and IPv4-compatible ones (`::a.b.c.d`).
 */
export function formatIpv6(address: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < ADDRESS_LENGTH; i += 2) groups.push((address[i]! << 8) | address[i + 1]!);
  const zeros = longestZeroRun(groups);

  const texts = groups.map((group) => group.toString(16));
  const dotted = zeros.start === 0 && (zeros.length === 6 || (zeros.length === 5 && groups[5] === 0xffff));
  if (dotted) texts.splice(6, 2, formatDottedQuad(address));
  // RFC 5952 §4.2.2: a single group of zeros is written out.
  if (zeros.length < 2) return texts.join(':');
  return `${texts.slice(0, zeros.start).join(':')}::${texts.slice(zeros.start + zeros.length).join(':')}`;
}

/** RFC 5952 §4.2.3: the first of the longest runs. */
function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let length = 0;
  for (const [i, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > longest.length) longest = { start: i + 1 - length, length };
  }
  return longest;
}

function formatDottedQuad(address: Uint8Array): string {
  return address.subarray(IPV4_AT, ADDRESS_LENGTH).join('.');
}

/** Decimal without leading zeros: some programs read `010` as octal, so it is ambiguous (RFC 6943 §3.1.1). */
const DOTTED_QUAD = /^(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})$/;

function parseDottedQuad(text: string): number[] | undefined {
  const octets = DOTTED_QUAD.exec(text)?.slice(1).map(Number);
  return octets?.every((octet) => octet <= 0xff) ? octets : undefined;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const [before = '', after, more] = text.split('::');
  if (more !== undefined) return undefined;
  const head = parseGroups(before, after === undefined);
  const tail = parseGroups(after ?? '', true);
  if (!head || !tail) return undefined;

  const missing = ADDRESS_LENGTH - head.length - tail.length;
  // "::" stands for one or more groups (RFC 4291 §2.2).
  if (after === undefined ? missing !== 0 : missing < 2) return undefined;
  const address = new Uint8Array(ADDRESS_LENGTH);
  address.set(head);
  address.set(tail, ADDRESS_LENGTH - tail.length);
  return address;
}

const GROUP = /^[0-9a-f]{1,4}$/i;

/** Parses groups separated by single colons; an empty text has no octets. Only the last group of an address may be dotted. */
function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const texts = text.split(':');
  const octets: number[] = [];
  for (const [i, group] of texts.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      octets.push(value >> 8, value & 0xff);
      continue;
    }
    const ipv4 = isLast && i === texts.length - 1 ? parseDottedQuad(group) : undefined;
    if (!ipv4) return undefined;
    octets.push(...ipv4);
  }
  return octets;
}

/** The text of an address with a port, if it has one: `10.0.0.1:80`, `[2001:db8::1]:80` (RFC 3986 §3.2.2). */
export function formatEndpoint(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

import { formatIpAddress, isIpv4, parseIpAddress } from '@nfqlb/core/address';
import { UsageError } from '@nfqlb/options';

/** Address of a server: an abstract unix socket, which belongs to the network namespace, or a TCP port. */
export type SocketAddress =
  | { readonly kind: 'unix'; readonly name: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/** Where a server listens: at an address, or with a socket that another process listened with before. */
export type ListeningPlace = SocketAddress | { readonly kind: 'passed'; readonly fd: number };

/** Parses `unix:NAME`, `tcp:ADDR:PORT` or `tcp:[ADDR6]:PORT`, as C nfqlb does. */
export function parseSocketAddress(text: string): SocketAddress {
  const name = /^unix:(.+)$/s.exec(text)?.[1];
  if (name !== undefined && Buffer.byteLength(name) <= 107) return { kind: 'unix', name };
  const [, ipv6, ipv4, port] = /^tcp:(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const address = parseIpAddress(ipv6 ?? ipv4 ?? '');
  if (!address || isIpv4(address) === (ipv6 !== undefined) || Number(port) > 65535) {
    throw new UsageError('invalid-value', `${text}: must be unix:NAME, tcp:ADDRESS:PORT or tcp:[IPV6-ADDRESS]:PORT`);
  }
  return { kind: 'tcp', host: formatIpAddress(address), port: Number(port) };
}

export function formatSocketAddress(address: SocketAddress): string {
  if (address.kind === 'unix') return `unix:${address.name}`;
  return `tcp:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
}

/** Whether it is a wildcard address: all addresses of the machine. */
export function isWildcard(address: SocketAddress): boolean {
  return address.kind === 'tcp' && (address.host === '0.0.0.0' || address.host === '::');
}

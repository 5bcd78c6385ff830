import { UsageError } from '@nfqlb/options';
import { parseSocketAddress } from '@nfqlb/protocol/sockets';

/** Address for /metrics. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `ADDRESS:PORT` or `[IPV6-ADDRESS]:PORT`. */
export function metricsAddress(text: string): MetricsAddress {
  try {
    const address = parseSocketAddress(`tcp:${text}`);
    if (address.kind === 'tcp' && address.port > 0) return address;
  } catch {
    // Replaced by the error below.
  }
  throw new UsageError('invalid-value', 'must be ADDRESS:PORT or [IPV6-ADDRESS]:PORT, with a port from 1 to 65535 and no name');
}

export function formatMetricsAddress({ host, port }: MetricsAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

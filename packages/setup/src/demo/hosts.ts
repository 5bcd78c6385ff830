/** The demo's hosts and addresses. Each network namespace has its own addresses, so none can conflict with the machine's. */

/** Virtual addresses, from the ranges for documentation (RFC 5737, RFC 3849). */
export const VIP4 = '203.0.113.1';
export const VIP6 = '2001:db8::1';

export const PORT = 7000;

export const TARGETS = 3;

/** UDP flows, every other one over IPv6. */
export const FLOWS = 300;

/** How often each flow asks, in milliseconds. */
export const QUESTION_INTERVAL_MS = 100;

/** A host with one link, to the load balancer. */
export interface Host {
  /** Also the load balancer's device for this host; the host's own device is `lb`. */
  readonly name: string;
  /** The host's addresses. The load balancer's end of the link has `.1` and `::1`. */
  readonly ipv4: string;
  readonly ipv6: string;
}

export const CLIENT: Host = { name: 'client', ipv4: '10.0.0.2', ipv6: 'fd00::2' };

/** Index 0 is target 1. A target's number is its fwmark. */
export const TARGET_HOSTS: readonly Host[] = Array.from({ length: TARGETS }, (_, i) => ({
  name: targetName(i + 1),
  ipv4: `10.0.${i + 1}.2`,
  ipv6: `fd00:${i + 1}::2`,
}));

/** The name of a target's host. */
function targetName(number: number): string {
  return `target${number}`;
}

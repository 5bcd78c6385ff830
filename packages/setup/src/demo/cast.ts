/** Who plays in the demo, and where. Every network namespace has its own address space: no address can be in anybody's way. */

/** Virtual addresses, of those that are for documentation (RFC 5737, RFC 3849). */
export const VIP4 = '203.0.113.1';
export const VIP6 = '2001:db8::1';

export const PORT = 7000;

export const TARGETS = 3;

/** UDP flows, every other one over IPv6. */
export const FLOWS = 300;

/** How often each flow asks, in milliseconds. */
export const QUESTION_INTERVAL = 100;

/** A host with one wire, to the load balancer. */
export interface Host {
  /** In the host's device `lb` and the load balancer's device of this name. */
  readonly name: string;
  /** The host's own. The load balancer's end of the wire has `.1` and `::1`. */
  readonly ipv4: string;
  readonly ipv6: string;
}

export const CLIENT: Host = { name: 'client', ipv4: '10.0.0.2', ipv6: 'fd00::2' };

/** By number less 1; a target's number is its fwmark. */
export const TARGET_HOSTS: readonly Host[] = Array.from({ length: TARGETS }, (_, i) => ({
  name: targetName(i + 1),
  ipv4: `10.0.${i + 1}.2`,
  ipv6: `fd00:${i + 1}::2`,
}));

/** What a target answers. */
export function targetName(number: number): string {
  return `target${number}`;
}

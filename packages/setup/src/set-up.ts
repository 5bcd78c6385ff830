import { type Cidr, cidrContains, formatCidr, formatIpAddress, isIpv4 } from '@nfqlb/core/address';
import { type QueueRange, targetAddress, targetFwmark, UsageError } from '@nfqlb/options';

/** Address family, by IP version. */
export type Family = 4 | 6;

export const FAMILIES: readonly Family[] = [4, 6];

/**
 * How a packet with a fwmark gets to its target.
 *
 * - `nat`: the VIP is translated to the target's address, and answers return through this machine. The kernel tracks the
 *   connections, so it reassembles fragments before the queue.
 * - `dsr` (direct server return): the packet is routed to the target unchanged; the target also has the VIP and answers directly.
 */
export type Mode = 'nat' | 'dsr';

/** Which packets: forwarded ones, or those sent by programs on this machine. */
export type Traffic = 'forward' | 'local';

/** A target's fwmark and its addresses, one for each family that has VIPs. */
export interface SetUpTarget {
  readonly fwmark: number;
  readonly addresses: Readonly<Partial<Record<Family, string>>>;
}

/** What is configured in the kernel for VIPs and their targets: all of it with `nfqlb up`, a part of it with `nfqlb run`, which has one for each table. */
export interface SetUp {
  /** Such as `10.0.0.1/32`, without duplicates. A family without VIPs is left alone. */
  readonly vips: Readonly<Record<Family, readonly string[]>>;
  /** By ascending fwmark. */
  readonly targets: readonly SetUpTarget[];
  readonly mode: Mode;
  readonly queue: QueueRange;
  /** A queue for fragments, outside `queue`. Without it, they go to the same queues as other packets. */
  readonly fragmentQueue?: number | undefined;
  readonly traffic: Traffic;
  /** With `nat`: keep the client's source address, instead of replacing it with one of this machine. */
  readonly keepSource: boolean;
  /** With `nat`: queue only packets that open a connection; the kernel keeps the connection's fwmark for its other packets. */
  readonly synOnly: boolean;
  /** Queue only packets without a fwmark: others have been decided by the kernel's program of `nfqlb lb --fast`. */
  readonly fast: boolean;
}

/** A TARGET as given: an address with an optional fwmark. */
export interface GivenTarget {
  readonly text: string;
  readonly fwmark: number | undefined;
  /** 16 octets. */
  readonly address: Uint8Array;
}

/** Reads a target: `ADDRESS` or `FWMARK=ADDRESS`. */
export function givenTarget(text: string): GivenTarget {
  const equals = text.indexOf('=');
  const form = 'must be ADDRESS or FWMARK=ADDRESS, such as 192.168.1.1 or 101=2001:db8::1';
  const address = targetAddress(text.slice(equals + 1), form, text);
  return { text, fwmark: equals < 0 ? undefined : targetFwmark(text.slice(0, equals)), address };
}

/** The set-up as requested by the options. */
export interface SetUpRequest extends Omit<SetUp, 'vips' | 'targets'> {
  readonly vips: readonly Cidr[];
  readonly targets: readonly GivenTarget[];
}

/**
 * Composes a set-up. Targets without a fwmark get 1, 2, 3 … in order, numbered separately for each family: the n-th IPv4
 * and the n-th IPv6 address belong to the same target.
 *
 * @throws {@link UsageError} `invalid-value` or `missing-argument` unless every target has an address of each family that
 *   has VIPs, and of no other
 */
export function composeSetUp({ vips, targets, ...rest }: SetUpRequest): SetUp {
  const byFamily: SetUp['vips'] = { 4: textsOf(vips, 4), 6: textsOf(vips, 6) };
  const addresses = new Map<number, Partial<Record<Family, string>>>();
  const counted: Record<Family, number> = { 4: 0, 6: 0 };
  for (const { text, fwmark: given, address } of targets) {
    const subject = { argument: 'target', value: text };
    const family = familyOf(address);
    if (byFamily[family].length === 0) {
      throw new UsageError('invalid-value', `is an IPv${family} address, but no --vip is; ${allowedFamilies(byFamily)}`, subject);
    }
    const inside = vips.find((cidr) => cidrContains(cidr, address));
    if (inside) {
      const problem = `is in --vip=${formatCidr(inside)}, so that packets to it would be load-balanced, too; must be outside every VIP`;
      throw new UsageError('invalid-value', problem, subject);
    }
    const mark = given ?? ++counted[family];
    const known = addresses.get(mark) ?? {};
    if (known[family] !== undefined) {
      const problem = `fwmark ${mark} has the IPv${family} address ${known[family]} already; it can have one of each family`;
      throw new UsageError('invalid-value', problem, subject);
    }
    addresses.set(mark, { ...known, [family]: formatIpAddress(address) });
  }
  const composed = [...addresses].sort(([a], [b]) => a - b).map(([mark, own]) => ({ fwmark: mark, addresses: own }));
  checkComplete(composed, byFamily);
  return { vips: byFamily, targets: composed, ...rest };
}

/** Fwmarks are the same for both families: a target must be reachable over each family that has VIPs. */
function checkComplete(targets: readonly SetUpTarget[], vips: SetUp['vips']): void {
  for (const { fwmark: mark, addresses } of targets) {
    for (const family of FAMILIES) {
      if (vips[family].length === 0 || addresses[family] !== undefined) continue;
      const problem = `fwmark ${mark} has no IPv${family} address, but --vip=${vips[family][0]} is IPv${family}; add ${mark}=ADDRESS`;
      throw new UsageError('missing-argument', problem, { argument: 'target' });
    }
  }
}

function familyOf(address: Uint8Array): Family {
  return isIpv4(address) ? 4 : 6;
}

function textsOf(vips: readonly Cidr[], family: Family): string[] {
  return [...new Set(vips.filter(({ network }) => familyOf(network) === family).map(formatCidr))];
}

function allowedFamilies(vips: SetUp['vips']): string {
  return `must be ${FAMILIES.filter((family) => vips[family].length > 0)
    .map((family) => `IPv${family}`)
    .join(' or ')}`;
}

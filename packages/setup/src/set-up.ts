import {
  type Cidr,
  cidrContains,
  formatCidr,
  formatIpAddress,
  hostBitsProblem,
  IPV4_PREFIX,
  isIpv4,
  parseCidr,
  parseIpAddress,
} from '@nfqlb/core/address';
import { type QueueRange, targetFwmark, UsageError } from '@nfqlb/options';

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

/** What `nfqlb up` configures in the kernel. */
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

/** RFC 4291 §2.5.6. */
const LINK_LOCAL = parseCidr('fe80::/10')!;

/** Reads a virtual address: `10.0.0.1/32`, `2001:db8::/112`. */
export function vip(text: string): Cidr {
  const cidr = parseCidr(text);
  if (!cidr) {
    throw new UsageError('invalid-value', 'must be ADDRESS/BITS such as 10.0.0.1/32 or 2001:db8::1/128, with its number of bits', {
      value: text,
    });
  }
  if (cidr.prefixLength === (isIpv4(cidr.network) ? IPV4_PREFIX : 0)) {
    throw new UsageError('invalid-value', 'must have at least one bit: otherwise every packet of this machine would be load-balanced', {
      value: text,
    });
  }
  const problem = hostBitsProblem(text);
  if (problem) throw new UsageError('invalid-value', problem, { value: text });
  return cidr;
}

/** Reads a target: `ADDRESS` or `FWMARK=ADDRESS`. */
export function givenTarget(text: string): GivenTarget {
  const equals = text.indexOf('=');
  const address = parseIpAddress(text.slice(equals + 1));
  if (!address) {
    throw new UsageError('invalid-value', 'must be ADDRESS or FWMARK=ADDRESS, such as 192.168.1.1 or 101=2001:db8::1', { value: text });
  }
  if (cidrContains(LINK_LOCAL, address)) {
    throw new UsageError(
      'invalid-value',
      'must not be link-local (fe80::/10), which is ambiguous without a device; must be an address such as 2001:db8::1 or fd00::1',
      { value: text },
    );
  }
  return { text, fwmark: equals < 0 ? undefined : targetFwmark(text.slice(0, equals)), address };
}

/** The set-up as requested by the options. */
export interface SetUpRequest {
  readonly vips: readonly Cidr[];
  readonly targets: readonly GivenTarget[];
  readonly mode: Mode;
  readonly queue: QueueRange;
  readonly fragmentQueue?: number | undefined;
  readonly traffic: Traffic;
  readonly keepSource: boolean;
  readonly synOnly: boolean;
  readonly fast: boolean;
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

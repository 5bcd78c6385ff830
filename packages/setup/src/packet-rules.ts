/**
 * The rules of iptables and ip6tables that a set-up has, by table:
 *
 *              mangle           nat              (routing)        filter             nat
 *   forward    PREROUTING       PREROUTING                        FORWARD, INPUT     POSTROUTING
 *   local      OUTPUT           OUTPUT                            OUTPUT
 *              to the queue     mark → target    mark → target    guard              source address
 *                               (nat)            (dsr)                               (nat, forward)
 *   syn-only   mark of the      mark of the
 *              connection       connection
 *              → packet         ← packet
 *
 * The guard drops packets to a VIP that have no fwmark: whatever lets them past the queue, they are not delivered to
 * somebody by accident. For the same reason there is no `--queue-bypass`: while nobody listens, the kernel drops what is queued.
 */
import { CHAIN, MASQUERADE_CHAIN, type TableName } from './ownership.js';
import type { Family, SetUp } from './set-up.js';

/** What one table of a family holds. */
export interface TableRules {
  readonly table: TableName;
  /** Own chains, and the rules in them as iptables reads them behind `-A CHAIN`. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Rules outside of own chains that lead to them, as in `PREROUTING -j NFQLB`. */
  readonly jumps: readonly string[];
}

/** In the order in which they are made: what packets would be missing comes before what leads them there. None for a family without VIPs. */
export function packetRules(setUp: SetUp, family: Family): TableRules[] {
  if (setUp.vips[family].length === 0) return [];
  return [guard(setUp, family), ...(setUp.mode === 'nat' ? [translation(setUp, family)] : []), queue(setUp, family)];
}

function guard({ vips, traffic }: SetUp, family: Family): TableRules {
  const rules = vips[family].map((vip) => `-d ${vip} -m mark --mark 0 -j DROP`);
  const hooks = traffic === 'forward' ? ['FORWARD', 'INPUT'] : ['OUTPUT'];
  return { table: 'filter', chains: new Map([[CHAIN, rules]]), jumps: hooks.map((hook) => `${hook} -j ${CHAIN}`) };
}

/**
 * Targets answer to the address that the packet came from. What passes through gets one of this machine, so that answers come
 * back here and the VIP can be put into them; otherwise this machine must be the targets' router.
 */
function translation({ vips, targets, traffic, keepSource, synOnly }: SetUp, family: Family): TableRules {
  // Of a connection only the first packet comes to this table.
  const savings = synOnly ? vips[family].map((vip) => `-d ${vip} -m mark ! --mark 0 -j CONNMARK --save-mark`) : [];
  const destinations = targets.flatMap(({ fwmark, addresses }) =>
    vips[family].map((vip) => `-d ${vip} -m mark --mark ${fwmark} -j DNAT --to-destination ${addresses[family]}`),
  );
  const chains = new Map([[CHAIN, [...savings, ...destinations]]]);
  const jumps = [`${entrance(traffic)} -j ${CHAIN}`];
  if (traffic === 'forward' && !keepSource) {
    const sources = targets.map(({ fwmark, addresses }) => `-d ${addresses[family]} -m mark --mark ${fwmark} -j MASQUERADE`);
    chains.set(MASQUERADE_CHAIN, sources);
    jumps.push(`POSTROUTING -j ${MASQUERADE_CHAIN}`);
  }
  return { table: 'nat', chains, jumps };
}

/**
 * What is a fragment, the first of a datagram too. IPv4: of the 32 bits from octet 4 on, those of the flag MF (more fragments)
 * and of the fragment offset are not all 0 (RFC 791 §3.1); `-f` would leave out the first. IPv6: there is a fragment header
 * (RFC 8200 §4.5).
 */
const FRAGMENT: Readonly<Record<Family, string>> = { 4: '-m u32 --u32 "4&0x3FFF=1:0x3FFF"', 6: '-m frag' };

function queue({ vips, traffic, queue: { first, last }, fragmentQueue, synOnly }: SetUp, family: Family): TableRules {
  const option = first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`;
  const rules = vips[family].map((vip) => `-d ${vip} -j NFQUEUE ${option}`);
  const fragments =
    fragmentQueue === undefined ? [] : vips[family].map((vip) => `-d ${vip} ${FRAGMENT[family]} -j NFQUEUE --queue-num ${fragmentQueue}`);
  const decided = synOnly ? vips[family].flatMap(passDecided) : [];
  return { table: 'mangle', chains: new Map([[CHAIN, [...decided, ...fragments, ...rules]]]), jumps: [`${entrance(traffic)} -j ${CHAIN}`] };
}

/**
 * Packets of a connection whose fwmark the kernel keeps get that one, and pass the queue by. What has none goes to the queue, whatever
 * its flags: connections from before this set-up, or taken over from another load balancer, find their targets all the same.
 */
function passDecided(vip: string): string[] {
  return ['CONNMARK --restore-mark', 'RETURN'].map((action) => `-d ${vip} -m connmark ! --mark 0 -j ${action}`);
}

/** Where packets are seen first. */
function entrance(traffic: SetUp['traffic']): string {
  return traffic === 'forward' ? 'PREROUTING' : 'OUTPUT';
}

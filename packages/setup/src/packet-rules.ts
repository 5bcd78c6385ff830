/**
 * The iptables and ip6tables rules of a set-up, by table:
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
 * The guard drops packets to a VIP that have no fwmark, so that packets that bypass the queue for any reason are not delivered by
 * accident. For the same reason there is no `--queue-bypass`: while no program listens, the kernel drops queued packets.
 */
import { CHAIN, MASQUERADE_CHAIN, type TableName } from './ownership.js';
import type { Family, SetUp } from './set-up.js';

/** The rules of one table of a family. */
export interface TableRules {
  readonly table: TableName;
  /** Our chains and their rules, as iptables takes them after `-A CHAIN`. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Rules in other chains that jump to ours, such as `PREROUTING -j NFQLB`. */
  readonly jumps: readonly string[];
}

/** In order of creation: rules that packets depend on come before those that send packets there. Empty for a family without VIPs. */
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
 * Targets answer to the source address. Forwarded packets get one of this machine, so that answers return here to be translated
 * back to the VIP; with `keepSource`, this machine must be the targets' router instead.
 */
function translation({ vips, targets, traffic, keepSource, synOnly }: SetUp, family: Family): TableRules {
  // Only the first packet of a connection passes this table.
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
 * Matches fragments, including the first of a datagram. IPv4: in the 32 bits from octet 4 on, the flag MF (more fragments) and the
 * fragment offset are not all 0 (RFC 791 §3.1); `-f` would miss the first fragment. IPv6: there is a fragment header
 * (RFC 8200 §4.5).
 */
const FRAGMENT: Readonly<Record<Family, string>> = { 4: '-m u32 --u32 "4&0x3FFF=1:0x3FFF"', 6: '-m frag' };

function queue({ vips, traffic, queue: { first, last }, fragmentQueue, synOnly, fast }: SetUp, family: Family): TableRules {
  const option = first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`;
  // The program at the interface leaves mark 0 on every packet to a VIP that it has not decided, whatever mark it came with.
  const undecided = fast ? ' -m mark --mark 0' : '';
  const rules = vips[family].map((vip) => `-d ${vip}${undecided} -j NFQUEUE ${option}`);
  const fragments =
    fragmentQueue === undefined
      ? []
      : vips[family].map((vip) => `-d ${vip}${undecided} ${FRAGMENT[family]} -j NFQUEUE --queue-num ${fragmentQueue}`);
  const decided = synOnly ? vips[family].flatMap(passDecided) : [];
  return { table: 'mangle', chains: new Map([[CHAIN, [...decided, ...fragments, ...rules]]]), jumps: [`${entrance(traffic)} -j ${CHAIN}`] };
}

/**
 * Packets of a connection with a saved fwmark get that fwmark, whichever the kernel's program has chosen, and bypass the queue. All others are queued, whatever their TCP flags,
 * so that connections from before this set-up, or taken over from another load balancer, still reach their targets.
 */
function passDecided(vip: string): string[] {
  return ['CONNMARK --restore-mark', 'RETURN'].map((action) => `-d ${vip} -m connmark ! --mark 0 -j ${action}`);
}

/** The built-in chain that packets enter first. */
function entrance(traffic: SetUp['traffic']): string {
  return traffic === 'forward' ? 'PREROUTING' : 'OUTPUT';
}

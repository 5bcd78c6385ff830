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

/**
 * In order of creation: rules that packets depend on come before those that send packets there. Empty for a family without VIPs.
 *
 * @param setUps those of the machine, each for its own VIPs and targets, or for the same ones: each rule is there once
 */
export function packetRules(setUps: readonly SetUp[], family: Family): TableRules[] {
  const served = setUps.filter(({ vips }) => vips[family].length > 0);
  if (served.length === 0) return [];
  const translated = served.filter(({ mode }) => mode === 'nat');
  return [guard(served, family), ...(translated.length > 0 ? [translation(translated, family)] : []), queue(served, family)];
}

function guard(setUps: readonly SetUp[], family: Family): TableRules {
  const rules = setUps.flatMap(({ vips }) => vips[family].map((vip) => `-d ${vip} -m mark --mark 0 -j DROP`));
  const hooks = setUps.flatMap(({ traffic }) => (traffic === 'forward' ? ['FORWARD', 'INPUT'] : ['OUTPUT']));
  return { table: 'filter', chains: new Map([[CHAIN, once(rules)]]), jumps: once(hooks).map((hook) => `${hook} -j ${CHAIN}`) };
}

/**
 * Targets answer to the source address. Forwarded packets get one of this machine, so that answers return here to be translated
 * back to the VIP; with `keepSource`, this machine must be the targets' router instead.
 */
function translation(setUps: readonly SetUp[], family: Family): TableRules {
  // Only the first packet of a connection passes this table.
  const savings = setUps.flatMap(({ synOnly, vips }) =>
    synOnly ? vips[family].map((vip) => `-d ${vip} -m mark ! --mark 0 -j CONNMARK --save-mark`) : [],
  );
  const destinations = setUps.flatMap(({ targets, vips }) =>
    targets.flatMap(({ fwmark, addresses }) =>
      vips[family].map((vip) => `-d ${vip} -m mark --mark ${fwmark} -j DNAT --to-destination ${addresses[family]}`),
    ),
  );
  const chains = new Map([[CHAIN, once([...savings, ...destinations])]]);
  const jumps = entrances(setUps).map((hook) => `${hook} -j ${CHAIN}`);
  const masked = setUps.filter(({ traffic, keepSource }) => traffic === 'forward' && !keepSource);
  if (masked.length > 0) {
    const sources = masked.flatMap(({ targets }) =>
      targets.map(({ fwmark, addresses }) => `-d ${addresses[family]} -m mark --mark ${fwmark} -j MASQUERADE`),
    );
    chains.set(MASQUERADE_CHAIN, once(sources));
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

function queue(setUps: readonly SetUp[], family: Family): TableRules {
  const decided = setUps.flatMap(({ synOnly, vips }) => (synOnly ? vips[family].flatMap(passDecided) : []));
  const fragments = setUps.flatMap((setUp) =>
    setUp.fragmentQueue === undefined ? [] : queueFragments(setUp, family, setUp.fragmentQueue),
  );
  const rules = setUps.flatMap(({ vips, queue: { first, last }, fast }) => {
    const option = first === last ? `--queue-num ${first}` : `--queue-balance ${first}:${last}`;
    return vips[family].map((vip) => `-d ${vip}${undecided(fast)} -j NFQUEUE ${option}`);
  });
  const chain = once([...decided, ...fragments, ...rules]);
  return { table: 'mangle', chains: new Map([[CHAIN, chain]]), jumps: entrances(setUps).map((hook) => `${hook} -j ${CHAIN}`) };
}

function queueFragments({ vips, fast }: SetUp, family: Family, fragmentQueue: number): string[] {
  return vips[family].map((vip) => `-d ${vip}${undecided(fast)} ${FRAGMENT[family]} -j NFQUEUE --queue-num ${fragmentQueue}`);
}

/** The program at the interface leaves mark 0 on every packet to a VIP that it has not decided, whatever mark it came with. */
function undecided(fast: boolean): string {
  return fast ? ' -m mark --mark 0' : '';
}

/**
 * Packets of a connection with a saved fwmark get that fwmark, whichever the kernel's program has chosen, and bypass the queue. All others are queued, whatever their TCP flags,
 * so that connections from before this set-up, or taken over from another load balancer, still reach their targets.
 */
function passDecided(vip: string): string[] {
  return ['CONNMARK --restore-mark', 'RETURN'].map((action) => `-d ${vip} -m connmark ! --mark 0 -j ${action}`);
}

/** The built-in chains that packets enter first. */
function entrances(setUps: readonly SetUp[]): string[] {
  return once(setUps.map(({ traffic }) => (traffic === 'forward' ? 'PREROUTING' : 'OUTPUT')));
}

function once(lines: readonly string[]): string[] {
  return [...new Set(lines)];
}

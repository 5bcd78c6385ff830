import { CHAIN } from '../ownership.js';
import { FAMILIES } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, ok, unknown, warning } from './finding.js';
import { anyRulesAreReadable, nativeTables, type PacketRules } from './queue-rules.js';

/** What makes the kernel track connections: iptables matches and targets, nftables expressions. */
const IPTABLES_TRACKING =
  /-m (?:conntrack|state|connmark|connlimit|connbytes|connlabel|helper|cluster|socket)\b|-j (?:CT|CONNMARK|CONNSECMARK|DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP|SYNPROXY|TPROXY)\b/;
const NFT_TRACKING =
  /\bct (?:state|mark|status|direction|helper|zone|count|label|original|reply|expiration|timeout)\b|\b(?:dnat|snat|masquerade|redirect|synproxy|tproxy)\b/;

/** Rules that make the kernel track connections: `own` are those of `nfqlb up`. */
export function trackingRules(facts: PacketRules): { own: string[]; foreign: string[] } {
  const iptables = FAMILIES.flatMap((family) =>
    (facts.savedRules[family] ?? '').split('\n').filter((line) => IPTABLES_TRACKING.test(line)),
  );
  const nft = nativeTables(facts).flatMap(({ chains }) => chains.flat().filter((line) => NFT_TRACKING.test(line)));
  const isOwn = (line: string): boolean => line.startsWith(`-A ${CHAIN}`);
  return { own: iptables.filter(isOwn), foreign: [...iptables.filter((line) => !isOwn(line)), ...nft] };
}

/** Whether fragments reach the queue as they are. With connection tracking, the kernel reassembles them first. */
export function checkDefragmentation(facts: Facts): Finding {
  const check = 'defragmentation';
  if (!anyRulesAreReadable(facts)) return unknown(check, 'the packet rules cannot be read', facts);
  const remedy = 'take away the rules that track connections; nfqlb up --mode=dsr needs none';
  const effect = 'so fragments are put together before the queue, and the fragment table has nothing to do';
  const { own, foreign } = trackingRules(facts);
  if (foreign.length > 0) return warning(check, `connections are tracked (${foreign[0]}), ${effect}`, remedy);
  if (own.length > 0) return ok(check, `connections are tracked, as --mode=nat needs it, ${effect}`);
  const { count, goesOn } = facts.tracking;
  if (count === 0) return ok(check, 'no connections are tracked: fragments come as they are');
  if (goesOn !== true) {
    return ok(check, `${count} connections that were tracked before time out; no rule asks for it any more: fragments come as they are`);
  }
  return warning(
    check,
    `${count} connections are tracked, though no rule asks for it that iptables-save or nft shows (Open vSwitch may, or iptables-legacy), ${effect}`,
    remedy,
  );
}

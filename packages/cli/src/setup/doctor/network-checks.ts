import { CHAIN } from '../ownership.js';
import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, ok, problem, warning } from './finding.js';
import { nativeTables, queueRules } from './queue-rules.js';

/** Whether packets may come another way than answers would go. */
export function checkReversePathFilter({ sysctls: { strictDevices } }: Facts): Finding {
  const check = 'rp_filter';
  if (strictDevices.length === 0) return ok(check, 'off or loose');
  const text = `strict on ${strictDevices.join(', ')}: re-injected fragments, packets from other load-balancers and answers that come another way are dropped`;
  return warning(check, text, 'sysctl -w net.ipv4.conf.all.rp_filter=2');
}

/** Whether packets are passed on, where a rule means them to be. */
export function checkForwarding(facts: Facts): Finding[] {
  return FAMILIES.map((family) => {
    const check = `forwarding IPv${family}`;
    const rules = queueRules(facts).filter((rule) => rule.family === undefined || rule.family === family);
    const forwards = family === 4 ? facts.sysctls.ipv4Forwarding : facts.sysctls.ipv6Forwarding;
    if (forwards === undefined) return ok(check, 'this kernel has no IPv6');
    if (forwards) return policyOf(facts.savedRules[family], family) ?? ok(check, 'on');
    if (rules.length > 0 && rules.every(({ local }) => local)) return ok(check, 'off, and not needed for packets of programs here');
    const remedy = `sysctl -w ${family === 4 ? 'net.ipv4.ip_forward=1' : 'net.ipv6.conf.all.forwarding=1'}`;
    if (rules.length > 0) return problem(check, 'off: packets get a fwmark, but are not passed on to targets', remedy);
    return warning(check, 'off: packets are not passed on to targets', remedy);
  });
}

/** Docker, for one, lets nothing pass but its own. */
function policyOf(saved: string | undefined, family: Family): Finding | undefined {
  if (!/^:FORWARD DROP /m.test(saved ?? '')) return undefined;
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const text = 'on, but the policy of the chain FORWARD is DROP: only packets that a rule accepts are passed on';
  return warning(`forwarding IPv${family}`, text, `${program} -A FORWARD -m mark ! --mark 0 -j ACCEPT, and one for the answers`);
}

/** Whether devices put packets together before anybody sees them. */
export function checkOffload({ offloads }: Facts): Finding {
  const check = 'offload';
  if (!offloads) return ok(check, 'not looked at: ethtool is not installed');
  const lro = offloads.filter((device) => device.lro).map(({ device }) => device);
  if (lro.length > 0) {
    const text = `LRO is on for ${lro.join(', ')}: packets are merged in a way that cannot be undone when they are passed on`;
    return warning(check, text, lro.map((device) => `ethtool -K ${device} lro off`).join('; '));
  }
  const gro = offloads.filter((device) => device.gro).map(({ device }) => device);
  if (gro.length === 0) return ok(check, 'LRO and GRO are off');
  return ok(check, `GRO is on for ${gro.join(', ')}: packets of a connection come merged, up to 64 KiB, and are counted as one`);
}

/** What makes the kernel track connections: matches and targets of iptables, expressions of nftables. */
const IPTABLES_TRACKING =
  /-m (?:conntrack|state|connmark|connlimit|connbytes|connlabel|helper|cluster|socket)\b|-j (?:CT|CONNMARK|CONNSECMARK|DNAT|SNAT|MASQUERADE|REDIRECT|NETMAP|SYNPROXY|TPROXY)\b/;
const NFT_TRACKING =
  /\bct (?:state|mark|status|direction|helper|zone|count|label|original|reply|expiration|timeout)\b|\b(?:dnat|snat|masquerade|redirect|synproxy|tproxy)\b/;

/** Whether fragments come as they are. Where connections are tracked, the kernel has put them together before. */
export function checkDefragmentation(facts: Facts): Finding {
  const check = 'defragmentation';
  const remedy = 'take away the rules that track connections; nfqlb up --mode=dsr needs none';
  const iptables = FAMILIES.flatMap((family) =>
    (facts.savedRules[family] ?? '').split('\n').filter((line) => IPTABLES_TRACKING.test(line)),
  );
  const nft = nativeTables(facts.nftRules ?? '').flatMap(({ lines }) => lines.filter((line) => NFT_TRACKING.test(line)));
  const foreign = [...iptables.filter((line) => !line.startsWith(`-A ${CHAIN}`)), ...nft];
  const effect = 'so fragments are put together before the queue, and the fragment table has nothing to do';
  if (foreign.length > 0) return warning(check, `connections are tracked (${foreign[0]}), ${effect}`, remedy);
  if (iptables.length > 0) return ok(check, `connections are tracked, as --mode=nat needs it, ${effect}`);
  const tracked = facts.trackedConnections ?? 0;
  if (tracked > 0)
    return warning(check, `${tracked} connections are tracked, though no rule asks for it (Open vSwitch does), ${effect}`, remedy);
  return ok(check, 'no connections are tracked: fragments come as they are');
}

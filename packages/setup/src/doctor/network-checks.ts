import { walk } from '../path/chain-walk.js';
import { parseChains } from '../path/saved-chains.js';
import { describeOutcome } from '../path/way-to-queue.js';
import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, ok, problem, unknown, warning } from './finding.js';
import { nftChains } from './nft-chains.js';
import { anyRulesAreReadable, queueRules, rulesAreReadable } from './queue-rules.js';
import { destination, waysToQueues } from './shadow-check.js';
import { translations } from './translations.js';

/** Whether packets may arrive by another path than answers take. */
export function checkReversePathFilter(facts: Facts): Finding {
  const check = 'rp_filter';
  const { strictDevices, looseDevices } = facts.sysctls;
  const { reversePath } = facts.drops;
  if (reversePath > 0) {
    const devices = [...strictDevices, ...looseDevices].join(', ');
    const text = `${reversePath} packets dropped by the reverse path filter within a second (on for ${devices})`;
    return problem(check, text, 'sysctl -w net.ipv4.conf.all.rp_filter=0, and the same for those devices');
  }
  if (strictDevices.length === 0) return looseDevices.length > 0 ? checkLooseFilter(check, facts) : ok(check, 'off');
  const text = `strict on ${strictDevices.join(', ')}: re-injected fragments, packets from other load balancers and answers that come another way are dropped`;
  return warning(check, text, 'sysctl -w net.ipv4.conf.all.rp_filter=2');
}

/** Even a loose filter drops packets from addresses without any route. */
function checkLooseFilter(check: string, facts: Facts): Finding {
  const { sysctls, unroutedVips } = facts;
  if (unroutedVips.length > 0) {
    const text = `loose on ${sysctls.looseDevices.join(', ')}, and no route leads to ${unroutedVips.join(', ')}: targets’ answers that come through this machine are dropped`;
    return warning(check, text, 'give this machine a route to the VIP, such as a default route, if answers come this way');
  }
  if (!rulesAreReadable(facts, 4)) return unknown(check, 'loose, and whether there is a route to each VIP cannot be seen', facts);
  return ok(check, 'off or loose');
}

/** Whether packets are forwarded, if a rule needs it. */
export function checkForwarding(facts: Facts): Finding[] {
  return FAMILIES.map((family) => {
    const check = `forwarding IPv${family}`;
    const rules = queueRules(facts).filter((rule) => rule.family === undefined || rule.family === family);
    const forwards = family === 4 ? facts.sysctls.ipv4Forwarding : facts.sysctls.ipv6Forwarding;
    if (forwards === undefined) return ok(check, 'this kernel has no IPv6');
    if (forwards) {
      if (!anyRulesAreReadable(facts)) return unknown(check, 'on, but whether rules let packets pass cannot be seen', facts);
      return forwardingRules(facts, family) ?? ok(check, 'on');
    }
    if (rules.length > 0 && rules.every(({ local }) => local)) return ok(check, 'off, and not needed for packets of programs here');
    const remedy = `sysctl -w ${family === 4 ? 'net.ipv4.ip_forward=1' : 'net.ipv6.conf.all.forwarding=1'}`;
    if (rules.length > 0) return problem(check, 'off: packets get a fwmark, but are not passed on to targets', remedy);
    return warning(check, 'off: packets are not passed on to targets', remedy);
  });
}

/**
 * Whether marked packets to a VIP, or with --mode=nat to a target, are dropped instead of forwarded. Docker, for one, only forwards its own
 * packets.
 */
function forwardingRules(facts: Facts, family: Family): Finding | undefined {
  const check = `forwarding IPv${family}`;
  const program = family === 4 ? 'iptables' : 'ip6tables';
  const remedy = `${program} -I FORWARD -m mark ! --mark 0 -j ACCEPT, and one for the answers`;
  const tables = parseChains(facts.savedRules[family] ?? '');
  const ways = waysToQueues(facts).filter((way) => way.family === family && way.hook === 'PREROUTING');
  const translated = translations(facts.savedRules[family] ?? '').map(({ address }) => `${address}/${family === 4 ? 32 : 128}`);
  const destinations = translated.length > 0 ? translated : ways.map(({ vip }) => vip);
  const mark = facts.policyRules[family].find(({ own }) => own)?.fwmark ?? 1;
  for (const to of new Set(ways.length > 0 ? destinations : [])) {
    const packet = { ...destination(to), mark, isForwarded: true };
    for (const table of ['mangle', 'filter']) {
      const outcomes = walk(tables.get(table) ?? new Map(), 'FORWARD', packet);
      const end = outcomes.at(-1);
      if (end?.what !== 'drop') continue;
      const mayPass = outcomes.some(({ what }) => what === 'accept');
      const text = `on, but ${describeOutcome(end)}${end.rule ? '' : ' is DROP'}: ${mayPass ? 'only packets that a rule accepts' : 'no packets to targets'} are passed on`;
      return (mayPass ? warning : problem)(check, text, remedy);
    }
  }
  const closed = nftChains(facts).find(({ hook, policy }) => hook === 'forward' && policy === 'drop');
  if (ways.length === 0 || !closed) return undefined;
  const mayPass = closed.lines.some((line) => /\b(?:accept|jump|goto|vmap)\b/.test(line));
  const text = `on, but the policy of a chain of nftables at the hook forward is drop: ${mayPass ? 'only packets that a rule accepts' : 'no packets to targets'} are passed on`;
  return (mayPass ? warning : problem)(check, text, 'nft add rule … meta mark != 0 accept, and one for the answers');
}

/** Whether devices merge packets on receipt. */
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

/**
 * Whether stored fragments can be sent. `nfqlb lb --tun=` creates the device and refuses one that is down or whose MTU is too small, but both may
 * change later.
 */
export function checkTunDevices(facts: Facts): Finding[] {
  const check = 'tun device';
  const used = facts.loadBalancers.flatMap(({ status }) => (status?.options?.tun === undefined ? [] : [status.options]));
  const tunDevices = facts.tunDevices.filter(({ device }) => device.startsWith('nfqlb') || used.some(({ tun }) => tun === device));
  for (const { tun, mtu } of used) {
    const device = tunDevices.find((each) => each.device === tun);
    if (!device)
      return [problem(check, `${tun}: no such device, though a load balancer sends stored fragments through it`, 'restart nfqlb lb')];
    if (!device.up) return [problem(check, `${tun}: down: stored fragments are lost`, `ip link set ${tun} up`)];
    if (device.mtu >= mtu) continue;
    const text = `${tun}: its MTU is ${device.mtu}, less than the load balancer’s --mtu=${mtu}: stored fragments may be lost`;
    return [problem(check, text, `ip link set ${tun} mtu ${mtu}`)];
  }
  const down = tunDevices.filter(({ up }) => !up).map(({ device }) => device);
  if (down.length > 0) {
    const text = `${down.join(', ')}: down: stored fragments that are sent through it are lost`;
    return [warning(check, text, down.map((device) => `ip link set ${device} up`).join('; '))];
  }
  return tunDevices.length > 0 ? [ok(check, `${tunDevices.map(({ device }) => device).join(', ')}: up`)] : [];
}

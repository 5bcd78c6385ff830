import { FAMILIES, type Family } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, ok, problem, unknown, warning } from './finding.js';
import { anyRulesAreReadable, queueRules, rulesAreReadable } from './queue-rules.js';

/** Whether packets may come another way than answers would go. */
export function checkReversePathFilter(facts: Facts): Finding {
  const check = 'rp_filter';
  const { strictDevices, looseDevices } = facts.sysctls;
  if (strictDevices.length === 0) return looseDevices.length > 0 ? checkLooseFilter(check, facts) : ok(check, 'off');
  const text = `strict on ${strictDevices.join(', ')}: re-injected fragments, packets from other load balancers and answers that come another way are dropped`;
  return warning(check, text, 'sysctl -w net.ipv4.conf.all.rp_filter=2');
}

/** A loose filter, too, drops what comes from an address to which there is no route at all. */
function checkLooseFilter(check: string, facts: Facts): Finding {
  const { sysctls, unroutedVips } = facts;
  if (unroutedVips.length > 0) {
    const text = `loose on ${sysctls.looseDevices.join(', ')}, and no route leads to ${unroutedVips.join(', ')}: targets’ answers that come through this machine are dropped`;
    return warning(check, text, 'give this machine a route to the VIP, such as a default route, if answers come this way');
  }
  if (!rulesAreReadable(facts, 4)) return unknown(check, 'loose, and whether there is a route to each VIP cannot be seen', facts);
  return ok(check, 'off or loose');
}

/** Whether packets are passed on, where a rule means them to be. */
export function checkForwarding(facts: Facts): Finding[] {
  return FAMILIES.map((family) => {
    const check = `forwarding IPv${family}`;
    const rules = queueRules(facts).filter((rule) => rule.family === undefined || rule.family === family);
    const forwards = family === 4 ? facts.sysctls.ipv4Forwarding : facts.sysctls.ipv6Forwarding;
    if (forwards === undefined) return ok(check, 'this kernel has no IPv6');
    if (forwards) {
      if (!anyRulesAreReadable(facts)) return unknown(check, 'on, but whether rules let packets pass cannot be seen', facts);
      return policyOf(facts.savedRules[family], family) ?? ok(check, 'on');
    }
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

/** Whether stored fragments can be sent. `nfqlb lb --tun=` makes the device, and will not start with one that is down. */
export function checkTunDevices({ tunDevices }: Facts): Finding[] {
  const check = 'tun device';
  const down = tunDevices.filter(({ up }) => !up).map(({ device }) => device);
  if (down.length > 0) {
    const text = `${down.join(', ')}: down: stored fragments that are sent through it are lost`;
    return [warning(check, text, down.map((device) => `ip link set ${device} up`).join('; '))];
  }
  return tunDevices.length > 0 ? [ok(check, `${tunDevices.map(({ device }) => device).join(', ')}: up`)] : [];
}

import { hasCapability } from '@nfqlb/native';
import type { Facts, KernelPart } from './facts.js';
import { type Finding, ok, problem, warning } from './finding.js';

interface Part {
  readonly part: KernelPart;
  /** One option of each list is required: some were renamed, some depend on the iptables variant. */
  readonly options: readonly (readonly string[])[];
  readonly there: string;
  readonly judge: typeof problem;
  readonly without: string;
}

const PARTS: readonly Part[] = [
  {
    part: 'queue',
    options: [
      ['NETFILTER_NETLINK_QUEUE'],
      ['NETFILTER_XT_TARGET_NFQUEUE'],
      ['NETFILTER_XT_MATCH_MARK', 'NETFILTER_XT_MARK'],
      ['NFT_COMPAT', 'IP_NF_MANGLE'],
    ],
    there: 'NFQUEUE and the mark match are there',
    judge: problem,
    without: 'packets cannot be queued',
  },
  {
    part: 'routing',
    options: [['IP_MULTIPLE_TABLES'], ['IPV6_MULTIPLE_TABLES']],
    there: 'policy routing is there, for IPv4 and IPv6',
    judge: warning,
    without: '--mode=dsr does not work',
  },
  {
    part: 'nat',
    options: [['NF_NAT'], ['NETFILTER_XT_NAT'], ['NETFILTER_XT_TARGET_MASQUERADE', 'IP_NF_TARGET_MASQUERADE']],
    there: 'address translation is there',
    judge: warning,
    without: '--mode=nat does not work',
  },
  {
    part: 'tun',
    options: [['TUN']],
    there: 'tun devices are there',
    judge: warning,
    without: 'fragments that came before their first one cannot be sent on (--tun)',
  },
];

/** Whether the kernel has the features we use. */
export function checkKernel(facts: Facts): Finding[] {
  return PARTS.map((part) => checkPart(part, facts));
}

function checkPart({ part, options, there, judge, without }: Part, { kernelOptions, kernelRelease, trials }: Facts): Finding {
  const check = `kernel ${part}`;
  const names = (lists: Part['options']): string => lists.map((list) => list.map((option) => `CONFIG_${option}`).join(' or ')).join(', ');
  if (kernelOptions) {
    const missing = options.filter((list) => !list.some((option) => kernelOptions.has(option)));
    if (missing.length === 0) return ok(check, `${there} (${kernelRelease})`);
    return judge(check, `the kernel ${kernelRelease} lacks ${names(missing)}: ${without}`, 'use a kernel that is built with it');
  }
  const works = trials.get(part);
  if (works === true) return ok(check, `${there} (tried)`);
  if (works === false) return judge(check, `a trial failed: ${without}`, `use a kernel that is built with ${names(options)}`);
  return warning(check, 'not known: the kernel’s options cannot be read, and trying needs root', 'run nfqlb doctor as root');
}

/** Whether this process has the capability that the load balancer needs. */
export function checkCapabilities({ capabilities }: Facts): Finding {
  if (hasCapability(capabilities, 'CAP_NET_ADMIN')) return ok('capabilities', 'CAP_NET_ADMIN is there');
  const remedy = 'run as root; a container with --cap-add=NET_ADMIN';
  return problem('capabilities', 'CAP_NET_ADMIN is missing: queues and rules are out of reach', remedy);
}

/** Whether the programs that `up` and `down` run are installed. */
export function checkPrograms({ iptablesVersion, ipVersion }: Facts): Finding {
  const missing = [...(iptablesVersion === undefined ? ['iptables'] : []), ...(ipVersion === undefined ? ['iproute2'] : [])];
  if (missing.length === 0) return ok('programs', `${iptablesVersion}; ${ipVersion}`);
  return warning('programs', `${missing.join(' and ')} cannot be run: nfqlb up and down need it`, `apt-get install ${missing.join(' ')}`);
}

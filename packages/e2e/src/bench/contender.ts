import { E2eError } from '../e2e-error.js';
import { FLOW_ADDRESS } from '../load-balancer/flow-commands.js';
import { LoadBalancer, type LoadBalancerOptions } from '../load-balancer/load-balancer.js';
import { ManyFlows, OTHER_DESTINATIONS } from '../load-balancer/many-flows.js';
import { C_NFQLB, isBuilt, NFQLB, type Program } from '../load-balancer/program.js';
import { Topology } from '../topology/topology.js';
import type { Site } from './scenario.js';

/** The sender's CPU. The kernel also processes packets here until they are queued, or to the end if there is no queue. */
export const SENDER_CPU = 0;
/** The load balancer's CPU. */
export const LB_CPU = 1;

/** A way to forward packets to the VIP, in its own topology. */
export interface Contender {
  readonly name: string;
  readonly net: Topology;
  /** Keeps the receiver off the measured CPU: the sender's CPU if a load balancer process handles packets, otherwise the other. */
  readonly receiverCpu: number;
  /** Absent if the kernel does without one. */
  readonly lb: LoadBalancer | undefined;
}

/** Defines a contender. */
export interface Entry {
  readonly name: string;
  readonly receiverCpu: number;
  readonly start: (net: Topology) => Promise<LoadBalancer | undefined>;
}

/** This project's, which says when it collects garbage: V8 writes that to stdout, and each line must come at once. */
const TRACED: Program = { ...NFQLB, command: ['stdbuf', '--output=L', NFQLB.command[0]!, '--trace-gc', ...NFQLB.command.slice(1)] };

/** Of the contenders with flows, other than the one that matches the packets. */
const FLOW_TABLES = 10;

/** A fragment table large enough to hold all entries at any rate for the time to live. */
const FRAGMENT_TABLE = ['--ft_size=19997', '--ft_buckets=19997'];

/**
 * The contenders of a scenario.
 *
 * @param variants additional options for this project's load balancer; each makes another contender
 */
export function entries(site: Site, variants: readonly string[]): Entry[] {
  const forward: Entry = {
    name: 'forward',
    receiverCpu: LB_CPU,
    start: async (net) => {
      await net.lb.forwardTo(net.target(1));
      return undefined;
    },
  };
  const own = variants.map((options) => entry(site, `nfqlb ${options}`, TRACED, { options: options.split(' ') }));
  if (site.transition) return [forward, entry(site, 'nfqlb', TRACED), inTransition(site), ...own];
  const hmark: Entry = {
    name: 'hmark',
    receiverCpu: LB_CPU,
    start: async (net) => {
      await net.lb.hmark(net.targets);
      return undefined;
    },
  };
  return [
    forward,
    hmark,
    ...(C_NFQLB ? [entry(site, C_NFQLB.name, C_NFQLB)] : []),
    entry(site, 'nfqlb', TRACED),
    entry(site, 'fast', TRACED, { fast: true }),
    ...own,
  ];
}

function entry(site: Site, name: string, program: Program, more: Pick<LoadBalancerOptions, 'fast' | 'options'> = {}): Entry {
  const { fast = false } = more;
  return {
    name,
    receiverCpu: fast ? LB_CPU : SENDER_CPU,
    start: async (net) => {
      if (!isBuilt(program)) throw new E2eError('missing-prerequisite', `${program.command.at(-1)}: not found; run pnpm build`);
      // The kernel's program knows flows only as far as they have destinations among the VIPs.
      const vips = fast && site.flows !== undefined ? [`--vip=${OTHER_DESTINATIONS.join()}`] : [];
      const lb = await LoadBalancer.start(net, {
        ...optionsFor(site),
        program,
        fast,
        options: [...fragmentOptions(site, program), ...vips, ...(more.options ?? [])],
      });
      if (site.flows !== undefined) {
        const flows = new ManyFlows(net, lb, { count: site.flows, tables: FLOW_TABLES });
        if (program === C_NFQLB) await flows.defineOneByOne();
        else await flows.define();
      }
      return lb;
    },
  };
}

function optionsFor({ queues = 1, flows }: Site): LoadBalancerOptions {
  return {
    ...(queues === 1 ? { cpu: LB_CPU } : { queue: `2:${queues + 1}` }),
    ...(flows === undefined ? {} : { flows: true, flowAddress: FLOW_ADDRESS }),
  };
}

function fragmentOptions({ fragments = false }: Site, program: Program): string[] {
  if (!fragments) return [];
  // Needed for what comes before its first fragment; nothing does here.
  return [...FRAGMENT_TABLE, ...(program === C_NFQLB ? [] : ['--tun=nfqlb0'])];
}

/** A tenth of the buckets is in transition, and their packets belong to remembered connections, as those of UDP with `--drain-udp=former`. */
function inTransition(site: Site): Entry {
  return {
    name: 'nfqlb in transition',
    receiverCpu: SENDER_CPU,
    start: async (net) => {
      const [target] = net.targets;
      const { fwmark } = target!;
      // A second way to the same target, so that all packets arrive there.
      const second = fwmark + 1000;
      for (const family of ['-4', '-6']) await net.lb.run(['ip', family, 'rule', 'add', 'fwmark', String(second), 'table', String(fwmark)]);
      const options = ['--drain-udp=former'];
      const lb = await LoadBalancer.start(net, { ...optionsFor(site), program: TRACED, fast: false, targets: [], options });
      await lb.run('activate', `--shm=${lb.table}`, '--weight=9', String(fwmark));
      await lb.run('activate', `--shm=${lb.table}`, String(second));
      await lb.run('deactivate', `--shm=${lb.table}`, '--drain=86400', String(second));
      return lb;
    },
  };
}

/**
 * Kernel memory for datagrams of which fragments are missing, octets, and how long they are kept, seconds: at saturation many stay incomplete, and
 * the defaults, 4 MB and 30 s, would have the target refuse all others for half a minute.
 */
const REASSEMBLY = { memory: 1 << 28, seconds: 1 };

/** Uses one target, so that contenders differ only in how the LB forwards. Choosing a target costs a load balancer nothing. */
export async function enter({ name, receiverCpu, start }: Entry, site: Site): Promise<Contender> {
  const net = await Topology.create({ targets: 1 });
  if (site.fragments) {
    const { memory, seconds } = REASSEMBLY;
    const sysctls = {
      'ipv4/ipfrag_high_thresh': memory,
      'ipv4/ipfrag_time': seconds,
      // Fragments of thousands of datagrams of one address are under way.
      'ipv4/ipfrag_max_dist': 0,
      'ipv6/ip6frag_high_thresh': memory,
      'ipv6/ip6frag_time': seconds,
    };
    for (const target of net.targets) await target.setUp({ sysctls, ip: [], ip6: [], noOffload: [] });
  }
  if (site.offload) await Promise.all(net.hosts.map((host) => host.offload(host.devices, 'on')));
  return { name, net, receiverCpu, lb: await start(net) };
}

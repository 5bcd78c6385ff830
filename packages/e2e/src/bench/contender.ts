import { E2eError } from '../e2e-error.js';
import { FLOW_ADDRESS } from '../load-balancer/flow-commands.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { ManyFlows, OTHER_DESTINATIONS } from '../load-balancer/many-flows.js';
import { C_NFQLB, isBuilt, NFQLB, type Program } from '../load-balancer/program.js';
import { Topology } from '../topology/topology.js';

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
}

/** Defines a contender. */
interface Entry {
  readonly name: string;
  readonly receiverCpu: number;
  readonly start: (net: Topology) => Promise<unknown>;
}

/** Of the contenders with flows, other than the one that matches the packets. */
const FLOW_TABLES = 10;

/**
 * The available contenders.
 *
 * @param variants additional options for this project's `lb`; each makes another contender
 * @param flows how many flows contenders have: `flowlb` with one flow is compared with this many
 */
export function entries(variants: readonly string[], flows: number): Entry[] {
  return [
    { name: 'forward', receiverCpu: LB_CPU, start: (net) => net.lb.forwardTo(net.target(1)) },
    { name: 'hmark', receiverCpu: LB_CPU, start: (net) => net.lb.hmark(net.targets) },
    ...(C_NFQLB ? [loadBalancer(C_NFQLB)] : []),
    loadBalancer(NFQLB),
    { name: 'fast', receiverCpu: LB_CPU, start: (net) => LoadBalancer.start(net, { fast: true, cpu: LB_CPU }) },
    { name: 'nfqlb in transition', receiverCpu: SENDER_CPU, start: inTransition },
    ...[1, flows].flatMap((count) => [flowLoadBalancer('nfqlb', count), flowLoadBalancer('fast', count)]),
    ...variants.map((options) => loadBalancer(NFQLB, options)),
  ];
}

/** `flowlb`, with flows in both families of which the one that matches the packets has the lowest priority. */
function flowLoadBalancer(way: 'nfqlb' | 'fast', count: number): Entry {
  const fast = way === 'fast';
  return {
    name: `${way} ${count === 1 ? '1 flow' : `${count} flows`}`,
    receiverCpu: fast ? LB_CPU : SENDER_CPU,
    start: async (net) => {
      // The kernel's program knows flows only as far as they have destinations among the VIPs.
      const options = fast ? [`--vip=${OTHER_DESTINATIONS.join()}`] : [];
      const lb = await LoadBalancer.start(net, { fast, flows: true, flowAddress: FLOW_ADDRESS, cpu: LB_CPU, options });
      await new ManyFlows(net, lb, { count, tables: FLOW_TABLES }).define();
    },
  };
}

/** A tenth of the buckets is in transition, and their packets belong to remembered connections, as those of UDP with `--drain-udp=former`. */
async function inTransition(net: Topology): Promise<void> {
  const [target] = net.targets;
  const { fwmark } = target!;
  // A second way to the same target, so that all packets arrive there.
  const second = fwmark + 1000;
  for (const family of ['-4', '-6']) await net.lb.run(['ip', family, 'rule', 'add', 'fwmark', String(second), 'table', String(fwmark)]);
  const lb = await LoadBalancer.start(net, { fast: false, cpu: LB_CPU, targets: [], options: ['--drain-udp=former'] });
  await lb.run('activate', `--shm=${lb.table}`, '--weight=9', String(fwmark));
  await lb.run('activate', `--shm=${lb.table}`, String(second));
  await lb.run('deactivate', `--shm=${lb.table}`, '--drain=86400', String(second));
}

function loadBalancer(program: Program, options?: string): Entry {
  return {
    name: options === undefined ? program.name : `${program.name} ${options}`,
    receiverCpu: SENDER_CPU,
    start: (net) => {
      if (!isBuilt(program)) throw new E2eError('missing-prerequisite', `${program.command.at(-1)}: not found; run pnpm build`);
      return LoadBalancer.start(net, { program, fast: false, cpu: LB_CPU, options: options?.split(' ') ?? [] });
    },
  };
}

/** Uses one target, so that contenders differ only in how the LB forwards. Choosing a target costs a load balancer nothing. */
export async function enter({ name, receiverCpu, start }: Entry): Promise<Contender> {
  const net = await Topology.create({ targets: 1 });
  await start(net);
  return { name, net, receiverCpu };
}

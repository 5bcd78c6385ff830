import { E2eError } from '../e2e-error.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { C_NFQLB, isBuilt, NFQLB, type Program } from '../load-balancer/program.js';
import { Topology } from '../topology/topology.js';

/** The sender's CPU, and with it that of the kernel's work for a packet until it is queued, or until its end where there is no queue. */
export const SENDER_CPU = 0;
/** The load balancer's. */
export const LB_CPU = 1;

/** A way to forward packets to the VIP, in a topology that has nothing else to do. */
export interface Contender {
  readonly name: string;
  readonly net: Topology;
  /** Where the receiver takes nothing from whom it measures: on the sender's CPU next to a load balancer's process, else on the other. */
  readonly receiverCpu: number;
}

/** What a contender does to packets. */
interface Entry {
  readonly name: string;
  readonly receiverCpu: number;
  readonly start: (net: Topology) => Promise<unknown>;
}

/**
 * Names of those that can take part.
 *
 * @param variants more options for this project's `lb`, each making another contender
 */
export function entries(variants: readonly string[]): Entry[] {
  return [
    { name: 'forward', receiverCpu: LB_CPU, start: (net) => net.lb.forwardTo(net.target(1)) },
    { name: 'hmark', receiverCpu: LB_CPU, start: (net) => net.lb.hmark(net.targets) },
    ...(C_NFQLB ? [loadBalancer(C_NFQLB)] : []),
    loadBalancer(NFQLB),
    ...variants.map((options) => loadBalancer(NFQLB, options)),
  ];
}

function loadBalancer(program: Program, options?: string): Entry {
  return {
    name: options === undefined ? program.name : `${program.name} ${options}`,
    receiverCpu: SENDER_CPU,
    start: (net) => {
      if (!isBuilt(program)) throw new E2eError('missing-prerequisite', `${program.command.at(-1)}: not there; pnpm build makes it`);
      return LoadBalancer.start(net, { program, cpu: LB_CPU, options: options?.split(' ') ?? [] });
    },
  };
}

/** One target: so the ways differ in nothing but how the LB forwards. Which target it is costs a load balancer nothing. */
export async function enter({ name, receiverCpu, start }: Entry): Promise<Contender> {
  const net = await Topology.create({ targets: 1 });
  await start(net);
  return { name, net, receiverCpu };
}

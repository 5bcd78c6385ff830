import { type Capability, capabilityNames, hasCapability, keepOnly, readAllPrivileges, readPrivileges } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import type { PrivilegeStatus } from '@nfqlb/protocol/status';
import { log } from '../log/log.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** Ports below need CAP_NET_BIND_SERVICE, unless net.ipv4.ip_unprivileged_port_start is lower. */
const UNPRIVILEGED_PORTS = 1024;

/** To open them, and to give that up. */
const FOR_LOW_PORTS: readonly Capability[] = ['CAP_NET_BIND_SERVICE', 'CAP_SETPCAP'];

type Work = Pick<LoadBalancingOptions, 'fast' | 'companion'>;
type Listening = Pick<LoadBalancingOptions, 'metrics' | 'flowAddress' | 'traceAddress'>;

/** The capabilities that are used as long as it runs. docs/trust.md says for what. */
export function neededCapabilities({ fast, companion }: Work, permitted: bigint = readPrivileges().permitted): Capability[] {
  // Engines that do not know CAP_BPF give CAP_SYS_ADMIN instead, which the kernel takes for both of these.
  const forBpf: readonly Capability[] = hasCapability(permitted, 'CAP_BPF') ? ['CAP_BPF', 'CAP_PERFMON'] : ['CAP_SYS_ADMIN'];
  return ['CAP_NET_ADMIN', ...(companion?.capabilities ?? []), ...(fast ? forBpf : [])];
}

/**
 * Gives up all others: at the beginning, when there is only the main thread of our own, and no packet has been read. Sockets that listen at low ports
 * are opened later: then what they need goes later, with {@link settle}.
 */
export class PrivilegeDrop {
  readonly #needed: readonly Capability[];
  readonly #opensLowPorts: boolean;

  constructor(options: Work & Listening) {
    this.#needed = neededCapabilities(options);
    this.#opensLowPorts = opensLowPorts(options);
    keep([...this.#needed, ...(this.#opensLowPorts ? FOR_LOW_PORTS : [])]);
  }

  /** Everything is open. */
  settle(): void {
    if (this.#opensLowPorts) keep(this.#needed);
  }

  /** What the threads have now. */
  status(): PrivilegeStatus {
    const threads = readAllPrivileges();
    const held = capabilityNames(threads.reduce((all, { permitted }) => all | permitted, 0n));
    return {
      capabilities: held,
      unneeded: held.filter((name) => !(this.#needed as readonly string[]).includes(name)),
      mayGain: !threads.every(({ noNewPrivileges }) => noNewPrivileges),
    };
  }
}

/** A load balancer that cannot give them up is still better than none; `doctor` and the status say so as long as it runs. */
function keep(capabilities: readonly Capability[]): void {
  try {
    keepOnly(capabilities);
  } catch (error) {
    log.warning(`keeps capabilities that it does not need: ${describeFailure(error)}`);
  }
}

function opensLowPorts({ metrics, flowAddress, traceAddress }: Listening): boolean {
  const ports = [metrics, flowAddress, traceAddress].flatMap((address) => (address && 'port' in address ? [address.port] : []));
  return ports.some((port) => port > 0 && port < UNPRIVILEGED_PORTS);
}

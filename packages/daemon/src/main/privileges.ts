import { type Capability, capabilityNames, hasCapability, keepOnly, readAllPrivileges, readPrivileges } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import type { PrivilegeStatus } from '@nfqlb/protocol/status';
import { log } from '../log/log.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** For listening at ports below 1024, for the priority of the workers, and to give these up. */
const TO_SET_UP: readonly Capability[] = ['CAP_NET_BIND_SERVICE', 'CAP_SYS_NICE', 'CAP_SETPCAP'];

type Work = Pick<LoadBalancingOptions, 'fast' | 'companion'>;

/** The capabilities that are used as long as it runs. docs/trust.md says for what. */
export function neededCapabilities({ fast, companion }: Work, permitted: bigint = readPrivileges().permitted): Capability[] {
  // Engines that do not know CAP_BPF give CAP_SYS_ADMIN instead, which the kernel takes for both of these.
  const forBpf: readonly Capability[] = hasCapability(permitted, 'CAP_BPF') ? ['CAP_BPF', 'CAP_PERFMON'] : ['CAP_SYS_ADMIN'];
  return ['CAP_NET_ADMIN', ...(companion?.capabilities ?? []), ...(fast ? forBpf : [])];
}

/**
 * Gives up all others: most at the beginning, when there is only the main thread of our own, and no packet has been read; those to set up with
 * {@link settle}.
 */
export class PrivilegeDrop {
  readonly #needed: readonly Capability[];

  constructor(work: Work) {
    this.#needed = neededCapabilities(work);
    keep([...this.#needed, ...TO_SET_UP]);
  }

  /** Everything is open, and all workers run. */
  settle(): void {
    keep(this.#needed);
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

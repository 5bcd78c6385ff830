import type { Cidr } from '@nfqlb/core/address';
import type { Capability } from '@nfqlb/native';
import type { Announcement, Status, TableHealth, TierMemberStatus } from '@nfqlb/protocol/status';
import type { Degradations } from '../watch/degradations.js';

/** What goes on in the same process, beside the balancing: `nfqlb run` keeps tables, flows, rules and routes as a file declares them. */
export interface Companion {
  /** The configuration file that it follows, as an absolute path. */
  readonly file: string;
  /** What it needs beyond CAP_NET_ADMIN, as long as it runs. */
  readonly capabilities: readonly Capability[];
  /** What does not work as it should, for `/healthz`, metrics and the status. */
  readonly degradations: Degradations;
  /** Whether it keeps rules and routes, so that nobody else needs to. */
  readonly keepsSetUp: boolean;
  /** What it knows of targets' health, for metrics and the status. */
  readonly health: () => readonly TableHealth[];
  /** Which VIPs it announces, for metrics and the status. */
  readonly announcement: () => Announcement;
  /** How the other load balancers of the tier are, for metrics and the status. */
  readonly tier: () => readonly TierMemberStatus[];
  /** Tun devices that it has, by name, for a process that takes over. */
  readonly devices: () => readonly (readonly [name: string, fd: number])[];
  /** Called when packets of the queues are balanced, and before the service manager is told so. If it rejects, the load balancer ends. */
  readonly begin: (balancer: Balancer) => Promise<void>;
  /**
   * Called before the load balancer stops to answer packets.
   *
   * @param isTakenOver whether another process goes on with what this one has set up
   */
  readonly end: (isTakenOver: boolean) => Promise<void>;
}

/** The load balancer, for its companion. Its flows change by flow commands, as for everybody. */
export interface Balancer {
  /** Makes the fast path, if there is one, decide for these destinations. Resolves when it does. */
  readonly decideFor: (vips: readonly Cidr[]) => Promise<void>;
  /** Why it is not healthy, a sentence each; empty if it is. */
  readonly problems: () => readonly string[];
  /** What it does, or did a moment ago. */
  readonly status: () => Status;
  /** What it has from the process that it has taken over from. */
  readonly inherited?: Inheritance | undefined;
}

export interface Inheritance {
  /** A descriptor of a tun device, to be closed by the caller; `undefined` if that process had none of that name. */
  readonly device: (name: string) => number | undefined;
  /** Whether its VIPs were withdrawn by `nfqlb announce drain`. */
  readonly isDrained: boolean;
}

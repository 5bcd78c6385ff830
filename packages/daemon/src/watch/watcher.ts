import { type KernelQueue, NativeError, SharedMemory } from '@nfqlb/native';
import type { Counts } from '@nfqlb/protocol/status';
import { openTable } from '@nfqlb/protocol/tables';
import type { FlowControl } from '../flows/flow-control.js';
import { log } from '../log/log.js';

/** A target table by its name, as it was found. */
export interface NamedTable {
  readonly name: string;
  readonly identity: string;
  readonly about: string;
}

export function lookAtTable(name: string): NamedTable {
  const { table, memory } = openTable(name);
  const active = table.active.filter((fwmark) => fwmark >= 0).length;
  const own = table.ownFwmark > 0 ? `, own fwmark ${table.ownFwmark}` : '';
  const about = `M=${table.M}, N=${table.N}, ${active} targets${own}`;
  const { identity } = memory;
  memory.close();
  return { name, identity, about };
}

/** What the watcher needs to know of how the load balancer was started. */
export interface WatchedNames {
  /** Shared-memory name of the tier's table. */
  readonly tier: string | undefined;
  readonly tun: string | undefined;
}

/** Notices what changes outside: another table under a name, packets that the kernel dropped or did not take. Says it once. */
export class Watcher {
  readonly #options: WatchedNames;
  readonly #renew: () => void;
  readonly #flows: FlowControl | undefined;
  /** By table: which one its name leads to. */
  readonly #identities: Map<string, string>;
  readonly #missing = new Set<string>();
  /** By table: which one was another user's. */
  readonly #refused = new Map<string, string>();
  readonly #drops = new Map<number, number>();
  #notReinjected = 0;
  constructor(options: WatchedNames, tables: readonly NamedTable[], flows: FlowControl | undefined, renew: () => void) {
    this.#options = options;
    this.#flows = flows;
    this.#identities = new Map(tables.map(({ name, identity }) => [name, identity]));
    this.#renew = renew;
  }

  /** What is wrong though no packet is lost by it, for `/healthz`. */
  get warnings(): string[] {
    return [...this.#missing].map((name) => `table ${name} was deleted: its targets stay in use, and cannot be changed`);
  }

  /** @param queues the load-balancer's own */
  look(counts: Counts, queues: readonly KernelQueue[]): void {
    this.#lookAtFlows();
    for (const name of this.#identities.keys()) this.#lookAtTable(name);
    this.#lookAtQueues(queues);
    this.#lookAtTun(counts.notReinjected);
  }

  /** Tables that flows have come to lead to, or lead to no more. */
  #lookAtFlows(): void {
    if (!this.#flows) return;
    const { tables } = this.#flows;
    for (const name of tables) if (!this.#identities.has(name)) this.#identities.set(name, this.#flows.identityOf(name) ?? '');
    for (const name of this.#identities.keys()) {
      if (tables.has(name) || name === this.#options.tier) continue;
      this.#identities.delete(name);
      this.#missing.delete(name);
    }
  }

  #lookAtTable(name: string): void {
    const identity = SharedMemory.identity(name);
    if (identity === undefined) {
      if (this.#missing.has(name)) return;
      this.#missing.add(name);
      log.warning(`table ${name} was deleted; its targets stay in use until there is a table of that name again`);
      return;
    }
    if (identity === this.#identities.get(name) && !this.#missing.has(name)) return;
    try {
      openTable(name).memory.close();
    } catch (error) {
      // Not written yet: C nfqlb fills a table in place. Look again.
      if (error instanceof NativeError && error.code === 'EPERM' && this.#refused.get(name) !== identity) {
        this.#refused.set(name, identity);
        log.warning(`table ${name} is not used; the targets stay as they were: ${error.message}`);
      }
      return;
    }
    this.#identities.set(name, identity);
    this.#missing.delete(name);
    log.notice(`table ${name} was replaced; using the new one`);
    this.#renew();
  }

  #lookAtQueues(queues: readonly KernelQueue[]): void {
    for (const queue of queues) {
      const dropped = queue.queueDropped + queue.socketDropped;
      const before = this.#drops.get(queue.queue) ?? 0;
      this.#drops.set(queue.queue, dropped);
      if (dropped > before) {
        log.warning(
          `queue ${queue.queue}: the kernel dropped ${dropped - before} packets (queue full ${queue.queueDropped}, socket full ${queue.socketDropped} in all)`,
        );
      }
    }
  }

  #lookAtTun(notReinjected: number): void {
    const more = notReinjected - this.#notReinjected;
    this.#notReinjected = notReinjected;
    if (more > 0) log.warning(`tun device ${this.#options.tun} did not take ${more} stored fragments: is it up?`);
  }
}

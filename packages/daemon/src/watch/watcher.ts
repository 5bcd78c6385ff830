import { type KernelQueue, NativeError } from '@nfqlb/native';
import type { Counts } from '@nfqlb/protocol/status';
import type { FlowControl } from '../flows/flow-control.js';
import { log } from '../log/log.js';
import type { TableObserver } from './table-observer.js';

export interface WatcherOptions {
  /** Shared-memory name of the tier's table. */
  readonly tier: string | undefined;
  readonly tun: string | undefined;
  readonly observer: TableObserver;
  /** Absent if there are no flows. */
  readonly flows: FlowControl | undefined;
  /** The queues as they were when this process got them: what the kernel had dropped before is not this one's to tell. */
  readonly queues: readonly KernelQueue[];
  /** Makes workers switch to replaced tables. */
  readonly renew: () => void;
}

/** Watches for external events: tables replaced or deleted, packets dropped by the kernel or rejected by the tun device. Logs each once. */
export class Watcher {
  readonly #options: WatcherOptions;
  /** Identity of each table in use, by name. */
  readonly #identities: Map<string, string>;
  readonly #missing = new Set<string>();
  /** By name: identity of a table that was refused because of its owner. */
  readonly #refused = new Map<string, string>();
  readonly #drops = new Map<number, number>();
  #notReinjected = 0;

  /** @param tables that all packets use, with their identities */
  constructor(options: WatcherOptions, tables: readonly (readonly [name: string, identity: string])[]) {
    this.#options = options;
    this.#identities = new Map(tables);
    for (const { queue, queueDropped, socketDropped } of options.queues) this.#drops.set(queue, queueDropped + socketDropped);
  }

  /** Problems that lose no packets, for `/healthz`. */
  get warnings(): string[] {
    return [...this.#missing].map((name) => `table ${name} was deleted: its targets stay in use, and cannot be changed`);
  }

  /** @param queues the load balancer's own */
  look(counts: Counts, queues: readonly KernelQueue[]): void {
    this.#lookAtFlows();
    for (const name of this.#identities.keys()) this.#lookAtTable(name);
    this.#options.observer.retain(this.#identities);
    this.#lookAtQueues(queues);
    this.#lookAtTun(counts.notReinjected);
  }

  /** Adds tables that flows use now, and removes those that they no longer use. */
  #lookAtFlows(): void {
    const { flows, tier } = this.#options;
    if (!flows) return;
    const { tables } = flows;
    for (const name of tables) if (!this.#identities.has(name)) this.#identities.set(name, flows.identityOf(name) ?? '');
    for (const name of this.#identities.keys()) {
      if (tables.has(name) || name === tier) continue;
      this.#identities.delete(name);
      this.#missing.delete(name);
    }
  }

  #lookAtTable(name: string): void {
    const { observer, renew } = this.#options;
    const identity = observer.identityOf(name);
    if (identity === undefined) {
      if (this.#missing.has(name)) return;
      this.#missing.add(name);
      log.warning(`table ${name} was deleted; its targets stay in use until there is a table of that name again`);
      return;
    }
    if (identity === this.#identities.get(name) && !this.#missing.has(name)) return;
    const isReady = observer.look(name, (seen) => {
      if (seen.kind === 'unusable') this.#warnOfOwner(name, identity, seen.error);
      return seen.kind === 'present';
    });
    // Perhaps incomplete, since C nfqlb fills a table in place. Try again next time.
    if (!isReady) return;
    this.#identities.set(name, identity);
    this.#missing.delete(name);
    log.notice(`table ${name} was replaced; using the new one`);
    renew();
  }

  /** Warns once for each table that belongs to another user. */
  #warnOfOwner(name: string, identity: string, error: unknown): void {
    if (!(error instanceof NativeError && error.code === 'EPERM') || this.#refused.get(name) === identity) return;
    this.#refused.set(name, identity);
    log.warning(`table ${name} is not used; the targets stay as they were: ${error.message}`);
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
    if (more > 0) log.warning(`tun device ${this.#options.tun} did not accept ${more} stored fragments: is it up?`);
  }
}

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
  /** Absent where there are no flows. */
  readonly flows: FlowControl | undefined;
  /** Makes workers use the tables that names lead to now. */
  readonly renew: () => void;
}

/** Notices what changes outside: another table under a name, packets that the kernel dropped or did not take. Says it once. */
export class Watcher {
  readonly #options: WatcherOptions;
  /** By table: which one its name leads to. */
  readonly #identities: Map<string, string>;
  readonly #missing = new Set<string>();
  /** By table: which one was another user's. */
  readonly #refused = new Map<string, string>();
  readonly #drops = new Map<number, number>();
  #notReinjected = 0;

  /** @param tables in use by all packets: which one each name has led to */
  constructor(options: WatcherOptions, tables: readonly (readonly [name: string, identity: string])[]) {
    this.#options = options;
    this.#identities = new Map(tables);
  }

  /** What is wrong though no packet is lost by it, for `/healthz`. */
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

  /** Tables that flows have come to lead to, or lead to no more. */
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
    // Not written yet: C nfqlb fills a table in place. Look again.
    if (!isReady) return;
    this.#identities.set(name, identity);
    this.#missing.delete(name);
    log.notice(`table ${name} was replaced; using the new one`);
    renew();
  }

  /** Once for each table that is another user's. */
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
    if (more > 0) log.warning(`tun device ${this.#options.tun} did not take ${more} stored fragments: is it up?`);
  }
}

import type { LockWatch } from '@nfqlb/core';
import type { KernelQueue } from '@nfqlb/native';
import type { QueueRange } from '@nfqlb/options';
import { log } from '../log/log.js';
import type { Counters } from '../shared/counters.js';

/**
 * How long a loop may make no turn, and a full queue may lose none of its packets, in milliseconds. A loop turns every 200 ms at least:
 * this is ten times that.
 */
export const STUCK_AFTER_MS = 2000;

/** What is seen of a queue and its worker from one look to the next. */
interface Watched {
  readonly queue: number;
  /** Netlink port of our socket: what the kernel said first. */
  port: number | undefined;
  turns: number;
  packets: number;
  /** For how long, in milliseconds, the worker has not turned; and the queue has been full without a packet being answered. */
  stalled: number;
  full: number;
  unbound: string | undefined;
}

/**
 * Whether packets are answered: every worker's loop turns, and every queue is ours. The main thread looks from time to time; what it counts
 * is its own looks, so that a program that was stopped as a whole, and goes on, is not ill for that.
 */
export class Health {
  readonly #queues: readonly Watched[];
  readonly #length: number;
  readonly #counters: Counters;
  readonly #locks: LockWatch;
  #begun = false;
  #wasHealthy = true;

  /** @param length packets that may wait in a queue */
  constructor({ first, last }: QueueRange, length: number, counters: Counters, locks: LockWatch) {
    this.#length = length;
    this.#counters = counters;
    this.#locks = locks;
    this.#queues = Array.from({ length: last - first + 1 }, (_, i) => ({
      queue: first + i,
      port: undefined,
      turns: -1,
      packets: -1,
      stalled: 0,
      full: 0,
      unbound: undefined,
    }));
  }

  /**
   * @param kernel the queues of this network namespace; `undefined` when they could not be read
   * @param elapsed milliseconds since the last look, as they were meant
   */
  look(kernel: readonly KernelQueue[] | undefined, elapsed: number): void {
    this.#begun = true;
    this.#locks.look(elapsed);
    for (const [worker, watched] of this.#queues.entries()) {
      const { turns, packets } = this.#counters.of(worker);
      const seen = kernel?.find(({ queue }) => queue === watched.queue);
      watched.stalled = turns === watched.turns ? watched.stalled + elapsed : 0;
      watched.full = packets === watched.packets && (seen?.waiting ?? 0) >= this.#length ? watched.full + elapsed : 0;
      watched.turns = turns;
      watched.packets = packets;
      if (kernel) watched.unbound = this.#whyUnbound(watched, seen);
    }
    this.#tell();
  }

  /** Why it is not healthy, a sentence each. Empty: it is. */
  get problems(): string[] {
    if (!this.#begun) return ['it is starting'];
    const stuck = this.#locks.heldFor(STUCK_AFTER_MS).map(({ name, held }) => {
      return `fragment table: ${name} has been locked for ${seconds(held)} s: a worker died holding it; restart the load balancer`;
    });
    const queues = this.#queues.flatMap(({ queue, unbound, stalled, full }) => {
      if (unbound !== undefined) return [`queue ${queue}: ${unbound}`];
      if (stalled >= STUCK_AFTER_MS) return [`queue ${queue}: its worker is stuck: no turn of its loop for ${seconds(stalled)} s`];
      return full >= STUCK_AFTER_MS ? [`queue ${queue}: it is full and none of its packets is answered, for ${seconds(full)} s`] : [];
    });
    return [...queues, ...stuck];
  }

  /** Whether the kernel hands this queue's packets to us. */
  isBound(worker: number): boolean {
    return this.#queues[worker]!.unbound === undefined;
  }

  /** For how long this queue's worker has made no turn, in seconds; 0 while it turns. */
  stalled(worker: number): number {
    const { stalled } = this.#queues[worker]!;
    return stalled >= STUCK_AFTER_MS ? stalled / 1000 : 0;
  }

  /** Once when it falls ill, and once when it is well again. */
  #tell(): void {
    const { problems } = this;
    const isHealthy = problems.length === 0;
    if (isHealthy === this.#wasHealthy) return;
    this.#wasHealthy = isHealthy;
    if (isHealthy) log.notice('healthy again');
    else log.warning(`not healthy: ${problems.join('; ')}`);
  }

  #whyUnbound(watched: Watched, seen: KernelQueue | undefined): string | undefined {
    if (!seen) return 'nobody listens to it any more: its packets are dropped';
    watched.port ??= seen.portId;
    return seen.portId === watched.port ? undefined : `another program listens to it (netlink port ${seen.portId})`;
  }
}

const seconds = (milliseconds: number): string => (milliseconds / 1000).toFixed(1);

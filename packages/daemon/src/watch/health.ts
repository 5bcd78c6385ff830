import type { LockWatch } from '@nfqlb/core';
import type { KernelQueue } from '@nfqlb/native';
import type { QueueRange } from '@nfqlb/options';
import { log } from '../log/log.js';
import type { Counters } from '../shared/counters.js';

/**
 * Maximum time without a turn of a loop, or without a verdict while a queue is full. A loop turns at least every 200 ms; this is ten times that.
 */
const STUCK_AFTER_MS = 2000;

/** State of a queue and its worker at the last check. */
interface Watched {
  readonly queue: number;
  /** Netlink port of our socket: the one that the kernel reported first. */
  port: number | undefined;
  turns: number;
  packets: number;
  /** How long, in milliseconds, the worker has made no turn; and the queue has been full without a verdict. */
  stalled: number;
  full: number;
  unbound: string | undefined;
  /** Packets that the kernel has dropped. */
  dropped: number;
  /** Milliseconds since that number last grew. */
  sinceDrop: number | undefined;
}

/**
 * Checks that packets are answered: every worker's loop turns, and every queue is bound to us. Time is counted in checks by the main thread, not
 * by a clock, so that a process that was stopped and continued is not reported as unhealthy.
 */
export class Health {
  readonly #queues: readonly Watched[];
  readonly #length: number;
  readonly #counters: Counters;
  readonly #locks: LockWatch;
  #started = false;
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
      dropped: 0,
      sinceDrop: undefined,
    }));
  }

  /**
   * @param kernel the queues of this network namespace; `undefined` when they could not be read
   * @param elapsed nominal milliseconds since the last check
   */
  look(kernel: readonly KernelQueue[] | undefined, elapsed: number): void {
    this.#started = true;
    this.#locks.look(elapsed);
    for (const [worker, watched] of this.#queues.entries()) {
      const { turns, packets } = this.#counters.of(worker);
      const seen = kernel?.find(({ queue }) => queue === watched.queue);
      watched.stalled = turns === watched.turns ? watched.stalled + elapsed : 0;
      watched.full = packets === watched.packets && (seen?.waiting ?? 0) >= this.#length ? watched.full + elapsed : 0;
      watched.turns = turns;
      watched.packets = packets;
      const dropped = seen ? seen.queueDropped + seen.socketDropped : watched.dropped;
      // At first, it is what another process has lost that had the queue before.
      if (dropped > watched.dropped && elapsed > 0) watched.sinceDrop = 0;
      else if (watched.sinceDrop !== undefined) watched.sinceDrop += elapsed;
      watched.dropped = dropped;
      if (kernel) watched.unbound = this.#whyUnbound(watched, seen);
    }
    this.#logChange();
  }

  /** Why the load balancer is not healthy, one sentence each; empty if it is healthy. */
  get problems(): string[] {
    if (!this.#started) return ['it is starting'];
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

  /** How long this queue's worker has made no turn, in seconds; 0 while it turns. */
  stalled(worker: number): number {
    const { stalled } = this.#queues[worker]!;
    return stalled >= STUCK_AFTER_MS ? stalled / 1000 : 0;
  }

  /** Seconds since the kernel dropped a packet of this queue; `undefined` if it has not yet. */
  sinceDrop(worker: number): number | undefined {
    const { sinceDrop } = this.#queues[worker]!;
    return sinceDrop === undefined ? undefined : sinceDrop / 1000;
  }

  /** Logs each change between healthy and not healthy once. */
  #logChange(): void {
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

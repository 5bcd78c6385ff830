import { closeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { definitionOf, type FlowDefinition } from '@nfqlb/core/flows';
import { readOwnQueues } from '@nfqlb/native';
import { describeFailure, type QueueRange } from '@nfqlb/options';
import { listFlows } from '@nfqlb/protocol/flow';
import { type ListeningPlace, parseSocketAddress } from '@nfqlb/protocol/sockets';
import { type Offer, Predecessor, TAKEOVER_FORMAT, TakeoverError } from '@nfqlb/protocol/takeover';
import { log } from '../log/log.js';
import type { LoadBalancingOptions } from '../main/load-balancing-options.js';
import { type HeldPart, readState, readStateAtRest } from './handed-state.js';

/** How long the old process may take to pause and to write down its state; and to let this one be in charge. */
const YOURS_TIMEOUT_MS = 10_000;
const FAREWELL_TIMEOUT_MS = 5000;

/** How long to wait for the old process to end. After that this one goes on with what is not free yet. */
const END_TIMEOUT_MS = 5000;

/** How long a process that has died may have its queues, and how often to look. */
const LAST_BREATH_MS = 2000;
const POLL_MS = 5;

/** A takeover from another process, which hands over its queues. Belongs to the main thread. */
export class TakeOver {
  /** The flows of the other process; `undefined` if it has none. */
  readonly flows: readonly FlowDefinition[] | undefined;
  readonly #predecessor: Predecessor;
  /** Descriptors of the queues' sockets, by worker. */
  readonly queues: readonly number[];
  readonly #state: number;
  /** Names of the parts that could not be read ahead. */
  #missed: readonly string[] = [];
  /** Whether it was there when this one was to take over. */
  #isAlive = true;

  private constructor(
    predecessor: Predecessor,
    { queues: { first, last } }: LoadBalancingOptions,
    flows: readonly FlowDefinition[] | undefined,
  ) {
    this.#predecessor = predecessor;
    this.flows = flows;
    this.queues = Array.from({ length: last - first + 1 }, (_, worker) => predecessor.take(`queue ${first + worker}`)!);
    this.#state = predecessor.take('state')!;
  }

  /**
   * Asks the load balancer that runs with the same queues to hand over.
   *
   * @returns `undefined` if there is none, or it has just died: then this one starts as always
   * @throws `TakeoverError` if it does not
   */
  static async begin(options: LoadBalancingOptions): Promise<TakeOver | undefined> {
    const { version, queues, fast } = options;
    const predecessor = Predecessor.ask({ takeover: TAKEOVER_FORMAT, version, queues, interfaces: fast?.interfaces ?? [] });
    if (!predecessor) {
      log.notice('no load balancer to take over from; starting');
      await awaitFreeQueues(queues);
      return undefined;
    }
    try {
      const flows = options.flows && (await flowsOf(predecessor.offer));
      return new TakeOver(predecessor, options, flows);
    } catch (error) {
      predecessor.close();
      if (predecessor.isThere)
        throw new TakeoverError(`the flows of the load balancer cannot be read: ${describeFailure(error)}`, { cause: error });
      log.warning('the load balancer to take over from has ended; starting');
      await awaitFreeQueues(queues);
      return undefined;
    }
  }

  get service(): Offer['service'] {
    return this.#predecessor.offer.service;
  }

  /** The other process's descriptor for the tun device, to be closed by the caller; `undefined` if it has none of that name. */
  tun(name: string): number | undefined {
    return this.#predecessor.take(`tun ${name}`);
  }

  /** Whether the other process's VIPs were withdrawn by a command. */
  get isDrained(): boolean {
    return this.#predecessor.offer.drained ?? false;
  }

  /** Whether the other process listens there. */
  listens(where: string): boolean {
    return this.#predecessor.has(`listen ${where}`);
  }

  /** The other process's socket that listens there; `undefined` if it has none. Connections that wait in it are accepted by this process. */
  socket(where: string): (ListeningPlace & { readonly kind: 'passed' }) | undefined {
    const fd = this.#predecessor.take(`listen ${where}`);
    return fd === undefined ? undefined : { kind: 'passed', fd };
  }

  /** The other process's claims of these interfaces. */
  claims(interfaces: readonly string[]): ReadonlyMap<string, number> {
    return new Map(
      interfaces.flatMap((name) => {
        const fd = this.#predecessor.take(`interface ${name}`);
        return fd === undefined ? [] : [[name, fd] as const];
      }),
    );
  }

  /**
   * Reads the state as it was a moment ago, before anything uses it: whoever does reads the keys of hashes once, and which buckets have remembered
   * connections. What changes until the other process pauses comes later.
   */
  readAhead(own: readonly HeldPart[]): void {
    this.#missed = readState(this.#state, this.#predecessor.offer.state, own);
    if (this.#missed.length > 0) log.notice(`not taken over, because the other one has them in another form: ${this.#missed.join(', ')}`);
  }

  /**
   * Has the other process pause, and takes its state. From here on packets wait.
   *
   * @throws `TakeoverError` if it goes on
   */
  receive(own: readonly HeldPart[]): void {
    this.#predecessor.say('ready');
    this.#isAlive = this.#predecessor.hear('yours', YOURS_TIMEOUT_MS);
    if (this.#isAlive) {
      const lost = readStateAtRest(this.#state, this.#predecessor.offer.state, own).filter((name) => !this.#missed.includes(name));
      if (lost.length > 0) log.warning(`lost in the takeover, because the other one has not written them whole: ${lost.join(', ')}`);
    } else {
      // Its queues are open here, so packets wait; but nobody knows what it was just writing.
      log.warning('the load balancer to take over from has ended: its fragments and remembered connections are lost');
      for (const { forget } of own) forget();
    }
  }

  /**
   * Says that packets are balanced here.
   *
   * @throws `TakeoverError` if the other process goes on: this one must end
   */
  finish(): void {
    for (const fd of [...this.queues, this.#state]) closeSync(fd);
    if (!this.#isAlive) return;
    this.#predecessor.say('in-charge');
    if (!this.#predecessor.hear('farewell', FAREWELL_TIMEOUT_MS)) log.warning('the load balancer to take over from has ended just now');
  }

  /** Resolves when the other process has let go of everything. */
  async ended(): Promise<void> {
    await this.#predecessor.ended(END_TIMEOUT_MS);
    const { pid, version } = this.#predecessor.offer;
    log.notice(`taken over from pid ${pid} (${version})`);
  }

  /** Closes what is not needed. */
  close(): void {
    this.#predecessor.close();
  }
}

/** Waits while the kernel takes back what a process had that has just died, one descriptor after the other. Not for long: it may be another program's. */
async function awaitFreeQueues(queues: QueueRange): Promise<void> {
  const areBound = (): boolean => (readOwnQueues(queues) ?? []).length > 0;
  for (const until = performance.now() + LAST_BREATH_MS; areBound() && performance.now() < until; ) await sleep(POLL_MS);
}

/** Throws what `listFlows` throws. */
async function flowsOf({ flowAddress }: Offer): Promise<readonly FlowDefinition[] | undefined> {
  if (flowAddress === undefined) return undefined;
  return (await listFlows(parseSocketAddress(flowAddress))).map((flow) => definitionOf(flow));
}

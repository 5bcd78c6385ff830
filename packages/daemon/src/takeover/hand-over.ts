import { closeSync, readFileSync } from 'node:fs';
import { describeFailure, type QueueRange } from '@nfqlb/options';
import { BadRequest } from '@nfqlb/protocol/flow';
import { faultInRequest, type Offer, type Request, type Successor, TAKEOVER_FORMAT, TakeoverError } from '@nfqlb/protocol/takeover';
import { log } from '../log/log.js';
import type { Workers } from '../main/workers.js';
import type { ServiceManager } from '../watch/service-manager.js';
import type { ChangeGate } from './change-gate.js';
import { describeParts, type HeldPart, openStateFile, writeState } from './handed-state.js';

/** How long the new process may take to ask; and to prepare everything: it may have thousands of tables to map. */
const REQUEST_TIMEOUT_MS = 2000;
const PREPARE_TIMEOUT_MS = 60_000;

/** How long packets may wait for it. A worker that makes no turn for 2 s counts as stuck (watch/health.ts). */
const TAKE_TIMEOUT_MS = 1000;

export interface HandOverOptions {
  readonly version: string;
  readonly queues: QueueRange;
  /** Where flows can be asked for; absent without flows. */
  readonly flowAddress: string | undefined;
  readonly workers: Workers;
  readonly state: readonly HeldPart[];
  /** What else is handed over, by name: sockets that listen, the tun device, claims of interfaces. */
  readonly descriptors: () => readonly (readonly [name: string, fd: number])[];
  /** Whether its VIPs are withdrawn by a command. */
  readonly isDrained: () => boolean;
  readonly gate: ChangeGate;
  readonly manager: ServiceManager | undefined;
}

/**
 * Hands over to a process that takes over: its workers pause between two batches, so that no packet is in their hands, and the new process goes on with their
 * sockets, in which packets wait meanwhile. Until that is in charge, this one goes on whatever happens. Belongs to the main thread.
 */
export class HandOver {
  readonly #options: HandOverOptions;
  readonly #finish: (interfaces: readonly string[]) => void;
  #successor: Successor | undefined;

  /** @param finish called when another process is in charge, with the interfaces at which it decides in the kernel */
  constructor(options: HandOverOptions, finish: (interfaces: readonly string[]) => void) {
    this.#options = options;
    this.#finish = finish;
  }

  async serve(successor: Successor): Promise<void> {
    if (this.#successor) return successor.refuse('another takeover is under way');
    this.#successor = successor;
    try {
      await this.#handOver(successor);
    } catch (error) {
      const why = describeFailure(error);
      log.warning(`pid ${successor.pid} does not take over: ${why}; this one goes on`);
      successor.refuse(why);
      this.#successor = undefined;
    }
  }

  /** Tells the new process that this one has let go of everything. */
  close(): void {
    this.#successor?.close();
  }

  async #handOver(successor: Successor): Promise<void> {
    const { queues, gate, manager, workers } = this.#options;
    const request = await successor.next(REQUEST_TIMEOUT_MS);
    const fault = faultInRequest(request, queues) ?? (manager && faultInPlace(successor.pid));
    if (fault !== undefined) throw new TakeoverError(fault);
    const { version, interfaces } = request as unknown as Request;
    log.notice(`pid ${successor.pid} (${version}) is about to take over`);
    workers.endure();
    await gate.close();
    let waited: number;
    try {
      waited = await this.#give(successor);
    } catch (error) {
      workers.resume();
      gate.open();
      throw error;
    }
    gate.refuse(new BadRequest('another process has just taken over; say it again'));
    manager?.successor(successor.pid);
    log.notice(`pid ${successor.pid} has taken over; packets waited ${waited.toFixed(1)} ms`);
    this.#finish(interfaces);
  }

  /** @returns how long nobody answered packets, in milliseconds */
  async #give(successor: Successor): Promise<number> {
    const { workers, state } = this.#options;
    const file = openStateFile();
    try {
      writeState(file, state);
      this.#offer(successor, file);
      await successor.hear('ready', PREPARE_TIMEOUT_MS);
      const begin = performance.now();
      await workers.pause();
      writeState(file, state);
      successor.say('yours');
      await successor.hear('in-charge', TAKE_TIMEOUT_MS);
      const waited = performance.now() - begin;
      successor.say('farewell');
      return waited;
    } finally {
      closeSync(file);
    }
  }

  #offer(successor: Successor, file: number): void {
    const { version, queues, workers, flowAddress, state, manager, descriptors, isDrained } = this.#options;
    const sockets = workers.sockets.map((fd, worker) => [`queue ${queues.first + worker}`, fd] as const);
    const all = [['state', file] as const, ...sockets, ...descriptors()];
    const offer: Offer = {
      takeover: TAKEOVER_FORMAT,
      version,
      pid: process.pid,
      descriptors: all.map(([name]) => name),
      state: describeParts(state),
      drained: isDrained(),
      ...(flowAddress !== undefined && { flowAddress }),
      ...(manager && { service: manager.service }),
    };
    successor.offer(
      offer,
      all.map(([, fd]) => fd),
    );
  }
}

/** A service's main process can only be replaced by one of the same service (systemd.service(5), NotifyAccess=; sd_notify(3), MAINPID=). */
function faultInPlace(pid: number): string | undefined {
  const groups = (process: number | 'self'): string => readFileSync(`/proc/${process}/cgroup`, 'utf8');
  try {
    if (groups(pid) === groups('self')) return undefined;
  } catch {
    // Gone, or hidden.
  }
  return 'it belongs to a service: systemctl reload has the service take over, or restart the service';
}

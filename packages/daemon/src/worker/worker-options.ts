import type { MessagePort } from 'node:worker_threads';
import type { BalancerOptions } from '@nfqlb/core';
import type { Scheduling } from '@nfqlb/native';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import type { CountersMemory } from '../shared/counters.js';
import type { TapOptions } from '../trace/packet-ring.js';
import type { SharedConnections } from '../transition/shared-connections.js';

/** Options of a worker thread. */
export interface WorkerOptions {
  /** Number of the worker, starting at 0. */
  readonly worker: number;
  /** NFQUEUE number. */
  readonly queue: number;
  /** Packets that may wait in the queue. */
  readonly queueLength: number;
  /** Descriptor of the queue's socket, which the main thread or another process has bound. */
  readonly socket: number;
  /** How long to let a small batch grow, at most, in microseconds. */
  readonly linger: number;
  /** How long to ask for packets before waiting for them, in microseconds. */
  readonly busyPoll: number;
  readonly scheduling: Scheduling;
  /** Shared-memory name of the target table; absent if flows have their own tables. */
  readonly table: string | undefined;
  /** Port on which flows arrive, and the memory of their `GenerationBoard`. */
  readonly flows: { readonly port: MessagePort; readonly board: SharedArrayBuffer } | undefined;
  /** Shared-memory name of the load balancer tier's table, if there is a tier. */
  readonly tier: string | undefined;
  readonly balancer: BalancerOptions;
  readonly fragments: SharedFragments;
  readonly connections: SharedConnections;
  /** Descriptor of the tun device through which stored fragments are reinjected; optional. */
  readonly tun: number | undefined;
  /** For traces. */
  readonly tap: TapOptions;
  /** Descriptor of the eventfd that wakes the worker. */
  readonly wakeup: number;
  /** Memory of `Control` and of `Counters`. */
  readonly control: SharedArrayBuffer;
  readonly counters: CountersMemory;
}

/** Message from a worker to the main thread: it waits for its first order; it has its queue; it has settled all that it received; it cannot go on. */
export type WorkerMessage =
  | { readonly type: 'prepared' | 'paused' }
  | { readonly type: 'listening'; readonly socket: number }
  | { readonly type: 'failed'; readonly message: string };

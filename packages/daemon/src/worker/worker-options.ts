import type { MessagePort } from 'node:worker_threads';
import type { BalancerOptions } from '@nfqlb/core';
import type { SharedFragments } from '../fragments/shared-fragments.js';
import type { CountersMemory } from '../shared/counters.js';
import type { TapOptions } from '../trace/packet-ring.js';

/** What a worker of `nfqlb lb` is started with. */
export interface WorkerOptions {
  /** Its number among the workers, from 0. */
  readonly worker: number;
  /** NFQUEUE number. */
  readonly queue: number;
  /** Packets that may wait in the queue. */
  readonly queueLength: number;
  /** How long to let a small batch grow, in microseconds. */
  readonly linger: number;
  /** Shared-memory name of the target table; absent where flows have tables of their own. */
  readonly table: string | undefined;
  /** Where flows come from, and the memory of their `GenerationBoard`. */
  readonly flows: { readonly port: MessagePort; readonly board: SharedArrayBuffer } | undefined;
  /** The same of the load balancer tier's table, where there is a tier. */
  readonly tier: string | undefined;
  readonly balancer: BalancerOptions;
  readonly fragments: SharedFragments;
  /** Descriptor of the tun device through which stored fragments come back, where there is one. */
  readonly tun: number | undefined;
  /** For who traces. */
  readonly tap: TapOptions;
  /** Descriptor of the eventfd that ends a wait. */
  readonly wakeup: number;
  /** Memory of `Control` and of `Counters`. */
  readonly control: SharedArrayBuffer;
  readonly counters: CountersMemory;
}

/** What a worker tells the main thread. */
export type WorkerMessage = { readonly type: 'listening' } | { readonly type: 'failed'; readonly message: string };

import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';

/** A compiled flow set on its way to the workers. */
export interface FlowGeneration {
  /** From 1 on. */
  readonly number: number;
  /** What `compileFlows` gave. */
  readonly flows: SharedArrayBuffer;
  /** By worker, and by flow: packets that matched, as doubles. */
  readonly matches: SharedArrayBuffer;
  /** Flows of it. */
  readonly count: number;
}

/** A worker's part of a generation's counters. */
export function matchesOf({ matches, count }: FlowGeneration, worker: number): Float64Array {
  return new Float64Array(matches, worker * count * Float64Array.BYTES_PER_ELEMENT, count);
}

/** Which generation is the newest, and which each worker has, in memory that they share with the main thread. */
export class GenerationBoard {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  /** @param workers how many there are; in a worker the memory of the main thread's board */
  constructor(workers: number | SharedArrayBuffer) {
    this.memory = typeof workers === 'number' ? new SharedArrayBuffer((1 + workers) * Int32Array.BYTES_PER_ELEMENT) : workers;
    this.#words = new Int32Array(this.memory);
  }

  get newest(): number {
    return Atomics.load(this.#words, 0);
  }

  set newest(generation: number) {
    Atomics.store(this.#words, 0, generation);
  }

  /** A worker has taken up a generation, and uses none before it. */
  confirm(worker: number, generation: number): void {
    Atomics.store(this.#words, 1 + worker, generation);
  }

  /** The oldest generation that any worker uses. */
  get oldest(): number {
    let oldest = Number.POSITIVE_INFINITY;
    for (let worker = 1; worker < this.#words.length; worker++) oldest = Math.min(oldest, Atomics.load(this.#words, worker));
    return oldest;
  }
}

/** The newest generation that was sent to this worker, without the event loop; `undefined` when none was since the last call. */
export function receiveGeneration(port: MessagePort): FlowGeneration | undefined {
  let newest: FlowGeneration | undefined;
  for (let received = receiveMessageOnPort(port); received; received = receiveMessageOnPort(port))
    newest = received.message as FlowGeneration;
  return newest;
}

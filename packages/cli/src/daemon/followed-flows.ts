import type { MessagePort } from 'node:worker_threads';
import type { FlowTargets, FwmarkLookup } from '@nfqlb/core';
import { FlowLookup } from '@nfqlb/core/flows';
import { FollowedTable } from '../table/followed-table.js';
import { type FlowGeneration, flowCountsOf, GenerationBoard, receiveGeneration } from './flow-generations.js';

/** The flows as a worker has them, and the tables that they lead to, each mapped once for as long as a flow leads to it. */
export class FollowedFlows {
  readonly #port: MessagePort;
  readonly #board: GenerationBoard;
  readonly #worker: number;
  #tables = new Map<string, FollowedTable | undefined>();
  #generation: FlowGeneration;
  #targets: FlowTargets;

  /** Waits for nothing: the first generation was sent before the worker was started. */
  constructor(port: MessagePort, board: SharedArrayBuffer, worker: number) {
    this.#port = port;
    this.#board = new GenerationBoard(board);
    this.#worker = worker;
    this.#generation = receiveGeneration(port)!;
    this.#targets = this.#take(this.#generation);
  }

  get targets(): FlowTargets {
    return this.#targets;
  }

  /** Number of the flows in use. */
  get generation(): number {
    return this.#generation.number;
  }

  /** Whether there are newer flows. */
  get outdated(): boolean {
    return this.#board.newest !== this.#generation.number;
  }

  /** Takes up the newest flows. */
  renew(): void {
    this.#generation = receiveGeneration(this.#port) ?? this.#generation;
    this.#targets = this.#take(this.#generation);
  }

  /**
   * Takes up the tables that the names lead to now. A table that is gone leaves its flows without targets.
   *
   * @returns false while one is not whole yet
   */
  renewTables(): boolean {
    let whole = true;
    for (const [name, table] of this.#tables) {
      if (table === undefined || table.isCurrent) continue;
      if (!table.isThere) this.#forget(name, table);
      else if (!table.renew()) whole = false;
    }
    this.#targets = this.#take(this.#generation);
    return whole;
  }

  #take(generation: FlowGeneration): FlowTargets {
    const lookup = new FlowLookup(generation.flows);
    const tables = new Map(lookup.targets.map((name) => [name, this.#tables.get(name) ?? open(name)]));
    for (const [name, table] of this.#tables) if (!tables.has(name)) table?.close();
    this.#tables = tables;
    this.#board.confirm(this.#worker, generation.number);
    return {
      lookup,
      tables: lookup.targets.map((name): FwmarkLookup | undefined => tables.get(name)?.lookup),
      ...flowCountsOf(generation, this.#worker),
    };
  }

  #forget(name: string, table: FollowedTable): void {
    table.close();
    this.#tables.set(name, undefined);
  }
}

/** `undefined` where there is none, or none that is whole: packets of its flows have no target then. */
function open(name: string): FollowedTable | undefined {
  try {
    return new FollowedTable(name);
  } catch {
    return undefined;
  }
}

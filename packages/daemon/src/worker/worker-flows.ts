import type { MessagePort } from 'node:worker_threads';
import type { FlowTargets } from '@nfqlb/core';
import { FlowLookup } from '@nfqlb/core/flows';
import { type FlowGeneration, flowCountsOf, GenerationBoard } from '../flows/flow-generations.js';
import { monotonicNow } from '../fragments/monotonic-clock.js';
import { receiveNewest } from '../shared/newest-message.js';
import { MappedTable } from './mapped-table.js';

/** How long a step may take before the next packets, in milliseconds. To map one table, which cannot be divided, takes some 0.1. */
const STEP = 0.5;

/** A table that flows lead to; `undefined` as long as there has been none of that name that is whole: its flows have no target then. */
interface FlowTable {
  readonly name: string;
  followed: MappedTable | undefined;
}

/** Flows that are being taken up: tables are mapped, one after the other. */
interface ComingFlows {
  readonly generation: FlowGeneration;
  readonly lookup: FlowLookup;
  /** Those seen to, in the order of their numbers. */
  readonly tables: Map<string, FlowTable>;
}

/**
 * The flows as a worker has them, and the tables that they lead to, each mapped once for as long as a flow leads to it. There may be thousands: whatever
 * is to be done about them is done step by step, between batches.
 */
export class WorkerFlows {
  readonly #port: MessagePort;
  readonly #board: GenerationBoard;
  readonly #worker: number;
  #tables = new Map<string, FlowTable>();
  #generation: FlowGeneration;
  #targets: FlowTargets;
  #coming: ComingFlows | undefined;
  /** Those whose names may lead elsewhere now. */
  #suspects: FlowTable[] = [];
  /** Those that are not whole yet. */
  #unfinished: FlowTable[] = [];
  #closing: MappedTable[] = [];

  /** Waits for nothing: the first generation was sent before the worker was started. */
  constructor(port: MessagePort, board: SharedArrayBuffer, worker: number) {
    this.#port = port;
    this.#board = new GenerationBoard(board);
    this.#worker = worker;
    this.#generation = receiveNewest<FlowGeneration>(port)!;
    const coming = comingOf(this.#generation);
    while (coming.tables.size < coming.lookup.targets) this.#prepare(coming);
    this.#targets = this.#take(coming);
  }

  get targets(): FlowTargets {
    return this.#targets;
  }

  /** Number of the flows in use. */
  get generation(): number {
    return this.#generation.number;
  }

  /** Whether there is something for the next {@link proceed}. */
  get outdated(): boolean {
    return this.hasPendingWork || this.#unfinished.length > 0 || this.#board.newest > this.#generation.number;
  }

  /** Whether that shall not wait for packets. */
  get hasPendingWork(): boolean {
    return this.#coming !== undefined || this.#suspects.length > 0 || this.#closing.length > 0;
  }

  /** The names of tables may lead elsewhere now. */
  suspectTables(): void {
    this.#suspects = [...new Set([...this.#tables.values(), ...(this.#coming?.tables.values() ?? [])])];
  }

  /**
   * Does a step: of taking up the newest flows, and the tables that names lead to now.
   *
   * @returns whether there are other {@link targets}
   */
  proceed(): boolean {
    const until = monotonicNow() + STEP;
    const { targets } = this;
    this.#suspects.push(...this.#unfinished.splice(0));
    // Flows that come again and again must not keep tables from being looked at, nor the other way round.
    do {
      if (this.#suspects.length > 0) this.#examine(this.#suspects.pop()!);
      else if (this.#coming) this.#advance(this.#coming);
      else if (this.#closing.length > 0) this.#closing.pop()!.close();
      else if (!this.#begin()) break;
    } while (monotonicNow() < until);
    return this.#targets !== targets;
  }

  /** Begins with newer flows, if there are any. */
  #begin(): boolean {
    if (this.#board.newest <= this.#generation.number) return false;
    const generation = receiveNewest<FlowGeneration>(this.#port);
    if (generation) this.#coming = comingOf(generation);
    return generation !== undefined;
  }

  #advance(coming: ComingFlows): void {
    if (coming.tables.size < coming.lookup.targets) this.#prepare(coming);
    else this.#targets = this.#take(coming);
  }

  #prepare({ lookup, tables }: ComingFlows): void {
    const name = lookup.targetNameOf(tables.size);
    tables.set(name, this.#tables.get(name) ?? { name, followed: open(name) });
  }

  #take({ generation, lookup, tables }: ComingFlows): FlowTargets {
    for (const [name, { followed }] of this.#tables) if (followed && !tables.has(name)) this.#closing.push(followed);
    this.#coming = undefined;
    this.#tables = tables;
    this.#generation = generation;
    this.#board.confirm(this.#worker, generation.number);
    return { lookup, tables: Array.from(tables.values(), ({ followed }) => followed?.lookup), ...flowCountsOf(generation, this.#worker) };
  }

  /** Sees what a table's name leads to now. */
  #examine(table: FlowTable): void {
    const { name, followed } = table;
    // No flow may lead to it any more.
    if (this.#tables.get(name) !== table && this.#coming?.tables.get(name) !== table) return;
    if (followed === undefined) table.followed = open(name);
    else if (followed.isCurrent) return;
    // Deleted: its targets serve until there is another table of that name, or no flow leads to it.
    else if (!followed.isThere) return;
    else if (!followed.renew()) this.#unfinished.push(table);
    this.#targets = { ...this.#targets, tables: Array.from(this.#tables.values(), (each) => each.followed?.lookup) };
  }
}

function comingOf(generation: FlowGeneration): ComingFlows {
  return { generation, lookup: new FlowLookup(generation.flows), tables: new Map() };
}

function open(name: string): MappedTable | undefined {
  try {
    return new MappedTable(name);
  } catch {
    return undefined;
  }
}

import type { MessagePort } from 'node:worker_threads';
import type { ConnectionSet, FlowTargets } from '@nfqlb/core';
import { FlowLookup } from '@nfqlb/core/flows';
import { machineTime } from '@nfqlb/native';
import { type FlowGeneration, flowCountsOf, GenerationBoard } from '../flows/flow-generations.js';
import { receiveNewest } from '../shared/newest-message.js';
import { MappedTable } from './mapped-table.js';

/** Time limit for a step between batches. Mapping one table, which cannot be split, takes about 0.1 ms. */
const STEP_MS = 0.5;

/** A table that flows use. `mapped` is `undefined` until a complete table of that name exists: its flows have no target until then. */
interface FlowTable {
  readonly name: string;
  mapped: MappedTable | undefined;
}

/** New flows that are not in use yet: their tables are being mapped, one by one. */
interface NextFlows {
  readonly generation: FlowGeneration;
  readonly lookup: FlowLookup;
  /** Tables that are done, by index. */
  readonly tables: Map<string, FlowTable>;
}

/**
 * A worker's flows and their tables, each mapped once for as long as a flow uses it. There may be thousands, so all work on them is done in
 * small steps between batches.
 */
export class WorkerFlows {
  readonly #port: MessagePort;
  readonly #board: GenerationBoard;
  readonly #worker: number;
  readonly #connections: ConnectionSet | undefined;
  #tables = new Map<string, FlowTable>();
  #generation: FlowGeneration;
  #targets: FlowTargets;
  #next: NextFlows | undefined;
  /** Tables that may have been replaced. */
  #suspects: FlowTable[] = [];
  /** Tables whose replacement is incomplete. */
  #incomplete: FlowTable[] = [];
  #closing: MappedTable[] = [];

  /** Does not wait: the first generation is sent before the worker is started. */
  constructor(port: MessagePort, board: SharedArrayBuffer, worker: number, connections?: ConnectionSet) {
    this.#port = port;
    this.#board = new GenerationBoard(board);
    this.#worker = worker;
    this.#connections = connections;
    this.#generation = receiveNewest<FlowGeneration>(port)!;
    const next = nextOf(this.#generation);
    while (next.tables.size < next.lookup.targets) this.#prepare(next);
    this.#targets = this.#take(next);
  }

  get targets(): FlowTargets {
    return this.#targets;
  }

  /** Generation of the flows in use. */
  get generation(): number {
    return this.#generation.number;
  }

  /** Whether {@link proceed} has work to do. */
  get outdated(): boolean {
    return this.hasPendingWork || this.#incomplete.length > 0 || this.#board.newest > this.#generation.number;
  }

  /** Whether it has work that must not wait for packets. */
  get hasPendingWork(): boolean {
    return this.#next !== undefined || this.#suspects.length > 0 || this.#closing.length > 0;
  }

  /** Called when any table may have been replaced. */
  suspectTables(): void {
    this.#suspects = [...new Set([...this.#tables.values(), ...(this.#next?.tables.values() ?? [])])];
  }

  /**
   * Does one step of switching to the newest flows and to replaced tables.
   *
   * @returns whether {@link targets} has changed
   */
  proceed(): boolean {
    const until = machineTime() + STEP_MS;
    const { targets } = this;
    this.#suspects.push(...this.#incomplete.splice(0));
    // Frequent new flows must not delay replaced tables forever, nor the other way round.
    do {
      if (this.#suspects.length > 0) this.#examine(this.#suspects.pop()!);
      else if (this.#next) this.#advance(this.#next);
      else if (this.#closing.length > 0) this.#closing.pop()!.close();
      else if (!this.#begin()) break;
    } while (machineTime() < until);
    return this.#targets !== targets;
  }

  /** Starts with newer flows, if there are any. */
  #begin(): boolean {
    if (this.#board.newest <= this.#generation.number) return false;
    const generation = receiveNewest<FlowGeneration>(this.#port);
    if (generation) this.#next = nextOf(generation);
    return generation !== undefined;
  }

  #advance(next: NextFlows): void {
    if (next.tables.size < next.lookup.targets) this.#prepare(next);
    else this.#targets = this.#take(next);
  }

  #prepare({ lookup, tables }: NextFlows): void {
    const name = lookup.targetNameOf(tables.size);
    tables.set(name, this.#tables.get(name) ?? { name, mapped: open(name, this.#connections) });
  }

  #take({ generation, lookup, tables }: NextFlows): FlowTargets {
    for (const [name, { mapped }] of this.#tables) if (mapped && !tables.has(name)) this.#closing.push(mapped);
    this.#next = undefined;
    this.#tables = tables;
    this.#generation = generation;
    this.#board.confirm(this.#worker, generation.number);
    return { lookup, tables: Array.from(tables.values(), ({ mapped }) => mapped?.lookup), ...flowCountsOf(generation, this.#worker) };
  }

  /** Checks whether a table was replaced. */
  #examine(table: FlowTable): void {
    const { name, mapped } = table;
    // Perhaps no flow uses it any more.
    if (this.#tables.get(name) !== table && this.#next?.tables.get(name) !== table) return;
    if (mapped === undefined) table.mapped = open(name, this.#connections);
    else if (mapped.isCurrent) return;
    // Deleted: its targets stay in use until a new table of that name exists, or no flow uses it.
    else if (!mapped.exists) return;
    else if (!mapped.renew()) this.#incomplete.push(table);
    this.#targets = { ...this.#targets, tables: Array.from(this.#tables.values(), (each) => each.mapped?.lookup) };
  }
}

function nextOf(generation: FlowGeneration): NextFlows {
  return { generation, lookup: new FlowLookup(generation.flows), tables: new Map() };
}

function open(name: string, connections: ConnectionSet | undefined): MappedTable | undefined {
  try {
    return new MappedTable(name, connections);
  } catch {
    return undefined;
  }
}

import { closeSync, readFileSync } from 'node:fs';
import type { FwmarkLookup } from '@nfqlb/core';
import type { Count } from './counts.js';
import type { Decision } from './decision/index.js';
import { FAST_REASON_NAMES } from './fast-reason.js';
import { createMaps, loadFastPath, type Maps } from './kernel/program.js';
import { COUNTER_WORDS, ELEMENT_WORDS, FLOW_WORDS, NONE, OPTIONS_WORDS, Option, PORTS } from './layout.js';
import { TableMemory } from './table-memory.js';
import { MAX_TARGETS, TargetCounters } from './target-counters.js';

/** What the program needs besides a decision: as `BalancerOptions`. */
export interface Settings {
  readonly hashMode: 0 | 1;
  readonly udpEncapPort: number;
  /** −1 to leave these packets to the queue, which drops them. */
  readonly noTargetsFwmark: number;
  readonly noFlowFwmark: number;
}

/** Elements that share no cache line with another CPU's. */
const COUNTER_ALIGNMENT = 64 / (4 * COUNTER_WORDS);
const REASONS = FAST_REASON_NAMES.length;

/**
 * A program in the kernel with its maps: one decision and the target tables for it. Only the tables change; another decision is another generation.
 */
export class Generation {
  readonly decision: Decision;
  /** Descriptor of the program. */
  readonly program: number;
  readonly #maps: Maps;
  readonly #tables: TableMemory;
  readonly #targets: TargetCounters;
  readonly #cpus: number;
  readonly #countersPerCpu: number;
  readonly #forgotten = new Set<string>();

  /** @throws `FastPathError` */
  constructor(decision: Decision, tables: readonly (FwmarkLookup | undefined)[], settings: Settings) {
    const flows = decision.names.length;
    const isCounted = decision.names[0] !== '';
    const firstTarget = REASONS + flows;
    this.decision = decision;
    this.#cpus = possibleCpus();
    this.#countersPerCpu = Math.ceil((firstTarget + MAX_TARGETS + 1) / COUNTER_ALIGNMENT) * COUNTER_ALIGNMENT;
    this.#targets = new TargetCounters(firstTarget);
    this.#maps = createMaps({
      options: 1,
      prefixes: decision.prefixes.words.length / ELEMENT_WORDS.prefixes,
      lengths: decision.lengths.length / ELEMENT_WORDS.lengths,
      ports: decision.ports.length === 0 ? 1 : PORTS,
      places: Math.max(1, decision.places.length / ELEMENT_WORDS.places),
      branches: Math.max(1, decision.branches.words.length / ELEMENT_WORDS.branches),
      flows: Math.max(1, flows),
      tables: Math.max(1, decision.targets.length),
      buckets: TableMemory.bucketsFor(tables),
      counters: this.#cpus * this.#countersPerCpu,
    });
    try {
      const { prefixes, lengths, ports, places, branches } = decision;
      for (const [name, words] of Object.entries({ prefixes: prefixes.words, lengths, ports, places, branches: branches.words })) {
        this.#maps[name as keyof Maps].words.set(words);
      }
      decision.tables.forEach((table, flow) => {
        this.#maps.flows.words.set([table, isCounted ? REASONS + flow : NONE], FLOW_WORDS * flow);
      });
      this.#maps.options.words.set(this.#options(settings));
      this.#tables = new TableMemory(this.#maps, (fwmark) => this.#targets.of(fwmark));
      this.#tables.refresh(tables);
      this.program = loadFastPath(this.#maps);
    } catch (error) {
      this.#closeMaps();
      throw error;
    }
  }

  /** As {@link TableMemory.refresh}. */
  refresh(tables: readonly (FwmarkLookup | undefined)[]): 'same' | 'changed' | 'full' {
    return this.#tables.refresh(tables);
  }

  /** Octets of the maps. */
  get memory(): number {
    return Object.values(this.#maps).reduce((sum, { words }) => sum + words.byteLength, 0);
  }

  /** By reason. */
  reasons(): Count[] {
    const counters = this.#maps.counters.longs;
    return FAST_REASON_NAMES.map((_, reason) => this.#sum(counters, reason));
  }

  /** By flow name; flows without packets are left out. */
  flows(): [string, Count][] {
    const counters = this.#maps.counters.longs;
    return this.decision.names
      .map((name, flow): [string, Count] => [name, this.#sum(counters, REASONS + flow)])
      .filter(([name, { packets }]) => packets > 0 && !this.#forgotten.has(name));
  }

  /** Leaves a flow out of {@link flows}. */
  forgetFlow(name: string): void {
    this.#forgotten.add(name);
  }

  /** By fwmark; −1 for all beyond the first 4096. */
  targets(): [number, Count][] {
    const counters = this.#maps.counters.longs;
    return this.#targets.entries().map(([fwmark, counter]) => [fwmark, this.#sum(counters, counter)]);
  }

  /** The kernel keeps program and maps as long as an interface uses them. */
  close(): void {
    closeSync(this.program);
    this.#closeMaps();
  }

  #closeMaps(): void {
    for (const map of Object.values(this.#maps)) map.close();
  }

  #options({ hashMode, udpEncapPort, noTargetsFwmark, noFlowFwmark }: Settings): Uint32Array {
    const { prefixes, branches, ports, asksSources, queuePings } = this.decision;
    const verdict = (fwmark: number): number[] => (fwmark < 0 ? [NONE, 0] : [fwmark, this.#targets.of(fwmark)]);
    const words = new Uint32Array(OPTIONS_WORDS);
    words[Option.SctpByPorts] = hashMode;
    words[Option.UdpEncapPort] = udpEncapPort;
    words[Option.QueuePings] = queuePings ? 1 : 0;
    words[Option.AsksPorts] = ports.length > 0 ? 1 : 0;
    words[Option.AsksSources] = asksSources ? 1 : 0;
    words[Option.PrefixMask] = prefixes.words.length / ELEMENT_WORDS.prefixes - 1;
    words[Option.BranchMask] = Math.max(1, branches.words.length / ELEMENT_WORDS.branches) - 1;
    words[Option.PrefixSeed] = prefixes.seed;
    words[Option.BranchSeed] = branches.seed;
    words[Option.CountersPerCpu] = this.#countersPerCpu;
    words.set(verdict(noTargetsFwmark), Option.NoTarget);
    words.set(verdict(noFlowFwmark), Option.NoFlow);
    return words;
  }

  #sum(counters: BigUint64Array, index: number): Count {
    let packets = 0;
    let octets = 0;
    for (let cpu = 0; cpu < this.#cpus; cpu++) {
      const at = 2 * (cpu * this.#countersPerCpu + index);
      packets += Number(counters[at]!);
      octets += Number(counters[at + 1]!);
    }
    return { packets, octets };
  }
}

/** Numbers of CPUs are below this. (Node counts only those that are online.) */
function possibleCpus(): number {
  const last = /(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'utf8'))!;
  return Number(last[1]) + 1;
}

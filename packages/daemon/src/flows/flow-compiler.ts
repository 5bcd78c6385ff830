import type { Cidr } from '@nfqlb/core/address';
import { compileFlows, type Flow, FlowSet } from '@nfqlb/core/flows';
import { compileFlows as compileForKernel, type Decision } from '@nfqlb/fast-path';

/** Changes of the flows since the last request. */
export interface CompileRequest {
  /** By name; `undefined` for a deleted flow. */
  readonly changes: ReadonlyMap<string, Flow | undefined>;
  /** Whether `changes` contains all flows. */
  readonly fromScratch: boolean;
  readonly promiscuousPing: boolean;
  /** Memory that is no longer read; reused if it is large enough. */
  readonly memory: SharedArrayBuffer | undefined;
  /** Destinations that the kernel decides for; absent without fast path. */
  readonly vips?: readonly Cidr[] | undefined;
}

export interface CompiledFlows {
  /** Result of `compileFlows`. */
  readonly flows: SharedArrayBuffer;
  /** Names of the flows, by index. */
  readonly names: readonly string[];
  /** The same flows for the kernel's program. */
  readonly decision?: Decision;
  /** Compile time, in milliseconds. */
  readonly time: number;
}

/** Compiles flows, one request at a time. */
export interface Compiling {
  /** If it throws or rejects, it has forgotten all flows: the next request must be `fromScratch`. */
  compile(request: CompileRequest): CompiledFlows | Promise<CompiledFlows>;
}

/** Allocates this many times the memory needed now, because flows come and go. */
const HEADROOM = 1.25;

/** Compiles flows in the calling thread. */
export class FlowCompiler implements Compiling {
  #set = new FlowSet();

  /** @throws `CoreError` `out-of-memory` */
  compile({ changes, fromScratch, promiscuousPing, memory, vips }: CompileRequest): CompiledFlows {
    const begin = performance.now();
    if (fromScratch) this.#set = new FlowSet();
    for (const [name, flow] of changes) {
      if (flow === undefined) this.#set.delete(name);
      else this.#set.define(flow);
    }
    const allocate = (octets: number): SharedArrayBuffer =>
      memory !== undefined && memory.byteLength >= octets ? memory : new SharedArrayBuffer(Math.ceil(octets * HEADROOM));
    const flows = compileFlows(this.#set, { promiscuousPing, allocate });
    const names = this.#set.inOrder().map(({ name }) => name);
    const decision = vips && compileForKernel(this.#set, { vips, promiscuousPing });
    return { flows, names, ...(decision && { decision }), time: performance.now() - begin };
  }
}

import { compileFlows, type Flow, FlowSet } from '@nfqlb/core/flows';

/** What has become of the flows since the last request. */
export interface CompileRequest {
  /** By name; `undefined` for a flow that is gone. */
  readonly changes: ReadonlyMap<string, Flow | undefined>;
  /** `changes` are all flows that there are. */
  readonly fromScratch: boolean;
  readonly promiscuousPing: boolean;
  /** Memory that nobody reads any more, to write to if it is long enough. */
  readonly memory: SharedArrayBuffer | undefined;
}

export interface CompiledFlows {
  /** What `compileFlows` gave. */
  readonly flows: SharedArrayBuffer;
  /** Names of the flows, by number. */
  readonly names: readonly string[];
  /** How long it took, in milliseconds. */
  readonly time: number;
}

/** Compiles flows, one request at a time. */
export interface Compiling {
  /** Whatever it throws or rejects with, it then knows no flows: the next request has to begin from scratch. */
  compile(request: CompileRequest): CompiledFlows | Promise<CompiledFlows>;
}

/** More than is needed now, of memory that is allocated: flows come and go. */
const HEADROOM = 1.25;

/** Compiles flows in the thread that asks. */
export class FlowCompiler implements Compiling {
  #set = new FlowSet();

  /** @throws `CoreError` `out-of-memory` */
  compile({ changes, fromScratch, promiscuousPing, memory }: CompileRequest): CompiledFlows {
    const begin = performance.now();
    if (fromScratch) this.#set = new FlowSet();
    for (const [name, flow] of changes) {
      if (flow === undefined) this.#set.delete(name);
      else this.#set.define(flow);
    }
    const allocate = (octets: number): SharedArrayBuffer =>
      memory !== undefined && memory.byteLength >= octets ? memory : new SharedArrayBuffer(Math.ceil(octets * HEADROOM));
    const flows = compileFlows(this.#set, { promiscuousPing, allocate });
    return { flows, names: this.#set.inOrder().map(({ name }) => name), time: performance.now() - begin };
  }
}

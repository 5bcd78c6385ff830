// Compiles flows in a separate thread (compiler-thread.ts), so that the main thread stays responsive.

import { constants, getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { describeFailure } from '@nfqlb/options';
import { type CompiledFlows, type CompileRequest, FlowCompiler } from './flow-compiler.js';

// On Linux, 0 is only this thread (setpriority(2)). Packet processing takes precedence: with few CPUs, compiling takes longer instead.
// One that is lower already stays so: only root may raise it (nice(1), systemd's Nice=).
if (getPriority() < constants.priority.PRIORITY_BELOW_NORMAL) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const compiler = new FlowCompiler();
// Warm up: the first run takes ten times as long, whatever is compiled.
compiler.compile({ changes: new Map(), fromScratch: true, promiscuousPing: false, memory: undefined });

parentPort!.on('message', (request: CompileRequest) => {
  try {
    const compiled = compiler.compile(request);
    parentPort!.postMessage(compiled, memoryOf(compiled));
  } catch (error) {
    parentPort!.postMessage(describeFailure(error));
  }
});

/** What is for the kernel is moved to the main thread, not copied: it may take megabytes. */
function memoryOf({ decision }: CompiledFlows): ArrayBuffer[] {
  if (!decision) return [];
  const { tables, prefixes, lengths, ports, places, branches } = decision;
  const arrays = [tables, prefixes.words, lengths, ports, places, branches.words];
  return [...new Set(arrays.map(({ buffer }) => buffer as ArrayBuffer))];
}

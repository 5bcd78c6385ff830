// Compiles flows in a separate thread (compiler-thread.ts), so that the main thread stays responsive.

import { constants, getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { describeFailure } from '@nfqlb/options';
import { type CompileRequest, FlowCompiler } from './flow-compiler.js';

// On Linux, 0 is only this thread (setpriority(2)). Packet processing takes precedence: with few CPUs, compiling takes longer instead.
// One that is lower already stays so: only root may raise it (nice(1), systemd's Nice=).
if (getPriority() < constants.priority.PRIORITY_BELOW_NORMAL) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const compiler = new FlowCompiler();
// Warm up: the first run takes ten times as long, whatever is compiled.
compiler.compile({ changes: new Map(), fromScratch: true, promiscuousPing: false, memory: undefined });

parentPort!.on('message', (request: CompileRequest) => {
  try {
    parentPort!.postMessage(compiler.compile(request));
  } catch (error) {
    parentPort!.postMessage(describeFailure(error));
  }
});

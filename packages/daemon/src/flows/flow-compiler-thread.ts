// Compiles flows in a thread of its own (compiler-thread.ts), so that the main thread goes on to serve.

import { constants, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { describeFailure } from '@nfqlb/options';
import { type CompileRequest, FlowCompiler } from './flow-compiler.js';

// On Linux 0 is this thread alone (setpriority(2)). Whatever handles packets goes first: where there are few CPUs, compiling takes longer instead.
setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);

const compiler = new FlowCompiler();
// The first time takes ten times as long, whatever is compiled.
compiler.compile({ changes: new Map(), fromScratch: true, promiscuousPing: false, memory: undefined });

parentPort!.on('message', (request: CompileRequest) => {
  try {
    parentPort!.postMessage(compiler.compile(request));
  } catch (error) {
    parentPort!.postMessage(describeFailure(error));
  }
});

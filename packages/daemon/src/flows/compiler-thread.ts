import { Worker } from 'node:worker_threads';
import type { CompiledFlows, CompileRequest, Compiling } from './flow-compiler.js';

/** Flows could not be compiled; the message says why. */
class CompilerFailure extends Error {
  override readonly name = 'CompilerFailure';
  readonly code = 'COMPILER';
}

/** Compiles flows in a separate thread, which is started on demand and restarted after a failure. */
export class CompilerThread implements Compiling {
  readonly #program: URL;
  #thread: Worker | undefined;
  #answer: (answer: CompiledFlows | string) => void = () => {};

  /** @param program the built `flow-compiler-thread.ts`; default: next to this program */
  constructor(program: URL = new URL('./flow-compiler-thread.js', import.meta.url)) {
    this.#program = program;
  }

  compile(request: CompileRequest): Promise<CompiledFlows> {
    this.#thread ??= this.#start();
    const thread = this.#thread;
    return new Promise((resolve, reject) => {
      this.#answer = (answer) => {
        if (typeof answer === 'object') resolve(answer);
        else reject(new CompilerFailure(`flows cannot be compiled: ${answer}`));
      };
      thread.postMessage(request);
    });
  }

  #start(): Worker {
    const thread = new Worker(this.#program);
    const fail = (why: string): void => {
      if (this.#thread !== thread) return;
      this.#thread = undefined;
      this.#answer(why);
    };
    thread.on('message', (answer: CompiledFlows | string) => this.#answer(answer));
    thread.on('error', (error) => fail(error.message));
    thread.on('exit', () => fail('the thread exited'));
    // An idle thread must not keep the process alive.
    thread.unref();
    return thread;
  }
}

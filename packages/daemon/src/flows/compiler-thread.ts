import { Worker } from 'node:worker_threads';
import type { CompiledFlows, CompileRequest, Compiling } from './flow-compiler.js';

/** Why flows could not be compiled. */
export class CompilerFailure extends Error {
  override readonly name = 'CompilerFailure';
  readonly code = 'COMPILER';
}

/** Compiles flows in a thread of its own, which is started when it is needed, and again when it has failed. */
export class CompilerThread implements Compiling {
  readonly #program: URL;
  #thread: Worker | undefined;
  #answer: (answer: CompiledFlows | string) => void = () => {};

  /** @param program what `flow-compiler-thread.ts` is built to; default: beside this program */
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
    thread.on('exit', () => fail('the thread has ended'));
    // It waits for requests as long as there is this process.
    thread.unref();
    return thread;
  }
}

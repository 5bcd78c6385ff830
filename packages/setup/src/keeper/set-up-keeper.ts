import { Worker } from 'node:worker_threads';
import type { SetUp } from '../set-up.js';
import { SetupError, type SetupErrorCode } from '../setup-error.js';
import type { KeptState } from './kept-set-up.js';

export type { KeptState } from './kept-set-up.js';

export type KeeperRequest =
  | { readonly kind: 'establish'; readonly setUps: readonly SetUp[]; readonly keepsFormer: boolean }
  | { readonly kind: 'look' }
  | { readonly kind: 'remove' };

export type KeeperAnswer = KeptState | { readonly code: SetupErrorCode; readonly message: string };

/**
 * {@link KeptSetUp} in a thread of its own: `iptables` and `ip` take tens of milliseconds, or seconds while another program holds their lock, in which
 * the main thread has a load balancer to look after.
 */
export class SetUpKeeper {
  readonly #thread: Worker;
  /** Why the thread has ended. It is not started again: what it knew of the rules is lost. */
  #ended: SetupError | undefined;
  /** Those that wait for an answer, in the order of their requests. */
  readonly #waiting: { readonly resolve: (state: KeptState) => void; readonly reject: (error: SetupError) => void }[] = [];

  /** @param program the built `set-up-thread.ts`; default: next to this program */
  constructor(program: URL = new URL('./set-up-thread.js', import.meta.url)) {
    this.#thread = new Worker(program);
    this.#thread.on('message', (answer: KeeperAnswer) => {
      const waiting = this.#waiting.shift();
      if ('problems' in answer) waiting?.resolve(answer);
      else waiting?.reject(new SetupError(answer.code, answer.message));
    });
    const fail = (why: string): void => {
      this.#ended ??= new SetupError('command-failed', `the thread for rules and routes has ended (${why}); restart the load balancer`);
      for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
    };
    this.#thread.on('error', (error) => fail(error.message));
    this.#thread.on('exit', () => fail('by itself'));
    this.#thread.unref();
  }

  /** Makes the machine have these rules and routes, as {@link KeptSetUp.establish}. @throws {@link SetupError} if a program is missing or nothing may be changed */
  establish(setUps: readonly SetUp[], keepsFormer = false): Promise<KeptState> {
    return this.#ask({ kind: 'establish', setUps, keepsFormer });
  }

  /** Puts right what somebody else has changed. */
  look(): Promise<KeptState> {
    return this.#ask({ kind: 'look' });
  }

  /** Removes all of it. */
  remove(): Promise<KeptState> {
    return this.#ask({ kind: 'remove' });
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }

  #ask(request: KeeperRequest): Promise<KeptState> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#waiting.push({ resolve, reject });
      this.#thread.postMessage(request);
    });
  }
}

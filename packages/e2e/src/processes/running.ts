import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { E2eError } from '../e2e-error.js';

/** How a process ended: by itself with a status, or by a signal. */
export interface Exit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartOptions {
  /** Written to stdin, which is then closed. Default: nothing. */
  readonly input?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How long output is waited for when a process has ended, ms. */
const LAST_WORDS = 200;

const alive = new Set<Running>();

/** All processes that were started here and have not ended. For the clean-up of an interrupted run. */
export function runningPids(): number[] {
  return [...alive].map((running) => running.pid);
}

/** A process, and what it has said so far. Disposing of it ends it. */
export class Running implements AsyncDisposable {
  readonly command: readonly string[];
  readonly pid: number;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  #child: ChildProcessWithoutNullStreams;

  private constructor(command: readonly string[], child: ChildProcessWithoutNullStreams, pid: number) {
    this.command = command;
    this.#child = child;
    this.pid = pid;
    alive.add(this);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    const closed = once(child, 'close');
    this.exited = once(child, 'exit').then(async ([status, signal]) => {
      // The last output may come after the end. Processes that it has started may keep the pipe open for ever.
      await Promise.race([closed, sleep(LAST_WORDS, undefined, { ref: false })]);
      alive.delete(this);
      return { status, signal } as Exit;
    });
  }

  /** @throws {@link E2eError} `command-failed` when there is no such program */
  static async start(command: readonly string[], { input = '', env = {} }: StartOptions = {}): Promise<Running> {
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    // A process that ends before it has read its input says why on stderr.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    if (child.pid !== undefined) return new Running(command, child, child.pid);
    const [error] = await once(child, 'error');
    throw new E2eError('command-failed', `${command.join(' ')}: ${error}`, { cause: error });
  }

  get ended(): boolean {
    return !alive.has(this);
  }

  /**
   * Waits until the process has written what matches.
   *
   * @throws {@link E2eError} `timed-out`, or `command-failed` when it ends before
   */
  async says(pattern: RegExp, timeoutMs = 5000): Promise<RegExpMatchArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const ended = this.ended;
      const match = this.stdout.match(pattern) ?? this.stderr.match(pattern);
      if (match) return match;
      if (ended) throw await this.failure(`ended without saying ${pattern}`);
      if (Date.now() > deadline) throw new E2eError('timed-out', `${this.command.join(' ')}: did not say ${pattern} in ${timeoutMs} ms`);
      await sleep(2);
    }
  }

  /**
   * Waits for the end and gives what was written to stdout.
   *
   * @throws {@link E2eError} `command-failed` unless the status is 0
   */
  async output(): Promise<string> {
    const { status } = await this.exited;
    if (status !== 0) throw await this.failure('failed');
    return this.stdout;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks the process to end, and ends it by force when it has not after `timeoutMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 3000): Promise<Exit> {
    this.signal(signal);
    const force = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    const exit = await this.exited;
    clearTimeout(force);
    return exit;
  }

  /** What to say about a process that ended otherwise than expected. */
  async failure(problem: string): Promise<E2eError> {
    const { status, signal } = await this.exited;
    const how = signal ?? `status ${status}`;
    return new E2eError('command-failed', `${this.command.join(' ')}: ${problem} (${how}): ${this.stderr.trim() || this.stdout.trim()}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.ended) await this.stop();
  }
}

/**
 * Runs a program to its end and gives its stdout.
 *
 * @throws {@link E2eError} `command-failed` unless its status is 0
 */
export async function run(command: readonly string[], options?: StartOptions): Promise<string> {
  return (await Running.start(command, options)).output();
}

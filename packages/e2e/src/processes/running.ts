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
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** How long to wait for remaining output after a process has ended, ms. */
const OUTPUT_TIMEOUT_MS = 200;

const alive = new Set<Running>();

/** All processes started here that have not ended, for cleaning up an interrupted run. */
export function runningPids(): number[] {
  return [...alive].map((running) => running.pid);
}

/** A process and its output so far. Disposing of it ends it. */
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
      // The last output may arrive after the exit, and child processes may keep the pipe open indefinitely.
      await Promise.race([closed, sleep(OUTPUT_TIMEOUT_MS, undefined, { ref: false })]);
      alive.delete(this);
      return { status, signal } as Exit;
    });
  }

  /** @throws {@link E2eError} `command-failed` if the program does not exist */
  static async start(command: readonly string[], { input = '', env = {} }: StartOptions = {}): Promise<Running> {
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, { stdio: 'pipe', env: { ...process.env, ...env } });
    // A process that ends before reading all of its input reports why on stderr.
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
   * Waits until the process has written output that matches.
   *
   * @throws {@link E2eError} `timed-out`, or `command-failed` if it ends first
   */
  async waitForOutput(pattern: RegExp, timeoutMs = 5000): Promise<RegExpMatchArray> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const ended = this.ended;
      const match = this.stdout.match(pattern) ?? this.stderr.match(pattern);
      if (match) return match;
      if (ended) throw await this.failure(`ended without writing ${pattern}`);
      if (Date.now() > deadline)
        throw new E2eError('timed-out', `${this.command.join(' ')}: did not write ${pattern} within ${timeoutMs} ms`);
      await sleep(2);
    }
  }

  /**
   * Waits for the process to end and returns its stdout.
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

  /** Asks the process to end, and kills it if it has not ended after `timeoutMs`. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', timeoutMs = 3000): Promise<Exit> {
    this.signal(signal);
    const force = setTimeout(() => this.signal('SIGKILL'), timeoutMs);
    const exit = await this.exited;
    clearTimeout(force);
    return exit;
  }

  /** An error about a process that ended unexpectedly. */
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
 * Runs a program to completion and returns its stdout.
 *
 * @throws {@link E2eError} `command-failed` unless its status is 0
 */
export async function run(command: readonly string[], options?: StartOptions): Promise<string> {
  return (await Running.start(command, options)).output();
}

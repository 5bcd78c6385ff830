import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Running } from '../processes/running.js';
import type { Namespace } from '../topology/namespace.js';

const PROGRAM = fileURLToPath(new URL('held-connections.mjs', import.meta.url));

export interface HeldReport {
  /** Questions that were answered since the last report, and the longest time that an answer took, in milliseconds. */
  readonly answered: number;
  readonly longestMs: number;
  /** Connections that wait for an answer for longer than they wait between questions. */
  readonly waiting: number;
  /** Connections that two targets have answered. */
  readonly moved: number;
  /** Connections by target, `0` without an answer. */
  readonly open: Readonly<Record<string, number>>;
  readonly broken: Readonly<Record<string, number>>;
}

export interface HeldOptions {
  readonly to: string;
  readonly port: number;
  readonly connections: number;
  /** Milliseconds between two questions on a connection. */
  readonly interval: number;
  /** Milliseconds without an answer after which a connection counts as broken. */
  readonly timeout: number;
}

/** TCP connections that stay open, with a question on each again and again. */
export class HeldConnections implements AsyncDisposable {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async start(from: Namespace, options: HeldOptions): Promise<HeldConnections> {
    const running = await from.spawn([process.execPath, PROGRAM, JSON.stringify(options)]);
    await running.waitForOutput(/^ready$/m, 30_000);
    return new HeldConnections(running);
  }

  async report(): Promise<HeldReport> {
    const before = this.#running.stdout.length;
    this.#running.signal('SIGUSR2');
    while (!this.#running.stdout.slice(before).includes('\n')) {
      if (this.#running.ended) throw await this.#running.failure('ended');
      await sleep(2);
    }
    return JSON.parse(this.#running.stdout.slice(before)) as HeldReport;
  }

  /** Waits until every connection that is not broken has been asked again and has answered. @returns the last report, with the longest wait of all */
  async settled(timeoutMs = 30_000): Promise<HeldReport> {
    const deadline = performance.now() + timeoutMs;
    let longestMs = 0;
    for (;;) {
      const report = await this.report();
      longestMs = Math.max(longestMs, report.longestMs);
      const open = Object.values(report.open).reduce((sum, count) => sum + count, 0);
      if (report.waiting === 0 && report.answered >= open) return { ...report, longestMs };
      if (performance.now() > deadline) throw new Error(`not settled: ${JSON.stringify(report)}`);
      await sleep(600);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

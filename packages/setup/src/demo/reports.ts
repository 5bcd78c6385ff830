import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from '../setup-error.js';
import type { FlowReport } from './flows.js';

/** How long to wait for the next report, and for the client to end, in milliseconds. */
const REPORT_TIMEOUT_MS = 3000;

/** Receives the reports of the client. */
export class Reports {
  readonly #client: ChildProcess;
  readonly #ended: Promise<void>;
  #latest: FlowReport | undefined;
  #stderr = '';
  #notify: () => void = () => {};

  constructor(client: ChildProcess) {
    this.#client = client;
    client.stderr!.on('data', (text) => {
      this.#stderr += text;
    });
    const lines = createInterface({ input: client.stdout! });
    lines.on('line', (line) => {
      this.#latest = JSON.parse(line) as FlowReport;
      this.#notify();
    });
    this.#ended = new Promise((resolve) => lines.once('close', resolve));
  }

  /**
   * Waits for the next report.
   *
   * @throws {@link SetupError} `command-failed` when there are no more
   */
  async next(): Promise<FlowReport> {
    const before = this.#latest;
    const notified = new Promise<void>((resolve) => {
      this.#notify = resolve;
    });
    await Promise.race([notified, this.#ended, sleep(REPORT_TIMEOUT_MS, undefined, { ref: false })]);
    if (!this.#latest || this.#latest === before) {
      throw new SetupError('command-failed', `the client stopped reporting: ${this.#stderr.trim() || 'no reason given'}`);
    }
    return this.#latest;
  }

  /** Stops the questions and returns the last report, which includes the answers that arrived meanwhile. */
  async last(): Promise<FlowReport> {
    this.#client.stdin!.end();
    await Promise.race([this.#ended, sleep(REPORT_TIMEOUT_MS, undefined, { ref: false })]);
    return this.#latest!;
  }
}

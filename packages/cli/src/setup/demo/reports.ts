import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { SetupError } from '../setup-error.js';
import type { FlowReport } from './flows.js';

/** What the client reports, as it comes. */
export class Reports {
  readonly #client: ChildProcess;
  readonly #lines: Interface;
  #latest: FlowReport | undefined;
  #complaint = '';

  constructor(client: ChildProcess) {
    this.#client = client;
    client.stderr!.on('data', (text) => {
      this.#complaint += text;
    });
    this.#lines = createInterface({ input: client.stdout! });
    this.#lines.on('line', (line) => {
      this.#latest = JSON.parse(line) as FlowReport;
    });
  }

  /**
   * Waits for the next one.
   *
   * @throws {@link SetupError} `command-failed` when none comes any more
   */
  async next(): Promise<FlowReport> {
    await Promise.race([once(this.#lines, 'line'), once(this.#lines, 'close')]);
    if (this.#client.exitCode !== null || this.#client.signalCode !== null || !this.#latest) {
      throw new SetupError('command-failed', `the client ended: ${this.#complaint.trim() || 'it did not say why'}`);
    }
    return this.#latest;
  }

  /** Lets the client ask no more, and gives its last report: all answers that still came are in it. */
  async last(): Promise<FlowReport> {
    const closed = once(this.#lines, 'close');
    this.#client.stdin!.end();
    await closed;
    return this.#latest!;
  }
}

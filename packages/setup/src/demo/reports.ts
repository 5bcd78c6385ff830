import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { SetupError } from '../setup-error.js';
import type { FlowReport } from './flows.js';

/** How long the client may be silent, and may take to end, in milliseconds. */
const REPORT_TIMEOUT_MS = 3000;

/** What the client reports, as it comes. */
export class Reports {
  readonly #client: ChildProcess;
  readonly #ended: Promise<void>;
  #latest: FlowReport | undefined;
  #complaint = '';
  #tell: () => void = () => {};

  constructor(client: ChildProcess) {
    this.#client = client;
    client.stderr!.on('data', (text) => {
      this.#complaint += text;
    });
    const lines = createInterface({ input: client.stdout! });
    lines.on('line', (line) => {
      this.#latest = JSON.parse(line) as FlowReport;
      this.#tell();
    });
    this.#ended = new Promise((resolve) => lines.once('close', resolve));
  }

  /**
   * Waits for the next one.
   *
   * @throws {@link SetupError} `command-failed` when none comes any more
   */
  async next(): Promise<FlowReport> {
    const before = this.#latest;
    const told = new Promise<void>((resolve) => {
      this.#tell = resolve;
    });
    await Promise.race([told, this.#ended, sleep(REPORT_TIMEOUT_MS, undefined, { ref: false })]);
    if (!this.#latest || this.#latest === before) {
      throw new SetupError('command-failed', `the client reports no more: ${this.#complaint.trim() || 'it did not say why'}`);
    }
    return this.#latest;
  }

  /** Lets the client ask no more, and gives its last report: all answers that still came are in it. */
  async last(): Promise<FlowReport> {
    this.#client.stdin!.end();
    await Promise.race([this.#ended, sleep(REPORT_TIMEOUT_MS, undefined, { ref: false })]);
    return this.#latest!;
  }
}

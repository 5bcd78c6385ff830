import { fileURLToPath } from 'node:url';
import type { Running } from '../processes/running.js';
import type { LbHost } from '../topology/host.js';

const PROGRAM = fileURLToPath(new URL('../../dist/health/keep-table.js', import.meta.url));

export interface KeptTable {
  /** Of the shared memory. */
  readonly name: string;
  readonly panic: number;
  readonly vips: readonly string[];
  readonly targets: readonly { readonly fwmark: number; readonly addresses: readonly string[]; readonly health: object }[];
}

export type KeptTableEvent =
  | { readonly event: 'state'; readonly fwmark: number; readonly state: string; readonly reason: string; readonly trouble: string }
  | { readonly event: 'change'; readonly activate: readonly number[]; readonly deactivate: readonly number[]; readonly panic: boolean }
  | { readonly event: 'settled'; readonly troubles: readonly string[] }
  /** `core`: share of a core; since it settled. */
  | { readonly event: 'cost'; readonly core: number; readonly checksPerSecond: number };

/** keep-table.ts, running on a load balancer's host. */
export class TableKeeper implements AsyncDisposable {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  /** Waits until each target has been checked. */
  static async start(host: LbHost, table: KeptTable): Promise<TableKeeper> {
    const running = await host.spawn([process.execPath, PROGRAM, JSON.stringify(table)]);
    await running.waitForOutput(/"event":"settled"/, 20_000);
    return new TableKeeper(running);
  }

  get events(): readonly KeptTableEvent[] {
    const lines = this.#running.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  /** The latest state and reason of each target, by fwmark: `down: 10.1.0.2: connection refused`. */
  get states(): Readonly<Record<number, string>> {
    const states = this.events.filter((event) => event.event === 'state');
    return Object.fromEntries(states.map(({ fwmark, state, reason }) => [fwmark, reason === '' ? state : `${state}: ${reason}`]));
  }

  /** Ends it, and returns what it cost. */
  async stop(): Promise<Extract<KeptTableEvent, { event: 'cost' }>> {
    await this.#running.stop();
    return this.events.find((event) => event.event === 'cost')!;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

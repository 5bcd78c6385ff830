import { setTimeout as pause } from 'node:timers/promises';
import type { Configuration } from '@nfqlb/configuration';
import { log } from '@nfqlb/daemon/log';
import { HealthMonitor, type TableChange, type TableHealth, type TargetHealth } from '@nfqlb/health';
import { describeFailure } from '@nfqlb/options';
import { drainFor, TableLock } from '@nfqlb/protocol/tables';
import { monitoredTables } from './monitored.js';

type Tables = NonNullable<Configuration['tables']>;

/** How long to wait for the first results of new targets, before packets go there. */
const FIRST_RESULTS_MS = 2000;

export interface TargetCareOptions {
  /** How long a table may be locked by another program, in milliseconds: then it is changed later. */
  readonly lockTimeout: number;
  /** Called when a table could not be changed: it must be made as {@link TargetCare.used} says, later. */
  readonly makeUp: () => void;
}

/** Checks the targets, takes those that are down out of their tables, and those that are up again into them. */
export class TargetCare {
  readonly #options: TargetCareOptions;
  readonly #monitor: HealthMonitor;
  #tables: Tables = new Map();

  constructor(options: TargetCareOptions) {
    this.#options = options;
    this.#monitor = new HealthMonitor({ onChange: (change) => this.#change(change), onState: tell });
  }

  /** Checks what is declared from now on. Resolves when new targets have had a result, or not in time. */
  async watch(tables: Tables): Promise<void> {
    this.#tables = tables;
    this.#monitor.watch(monitoredTables(tables));
    const abort = new AbortController();
    const late = pause(FIRST_RESULTS_MS, undefined, { signal: abort.signal }).catch(() => {});
    await Promise.race([this.#monitor.settled(), late]);
    abort.abort();
  }

  /** Fwmarks that are to be active in a table; `undefined` for one whose targets are not watched. */
  used(table: string): ReadonlySet<number> | undefined {
    return this.#monitor.used(table);
  }

  status(): TableHealth[] {
    return this.#monitor.status();
  }

  /** What keeps checks from being made or heeded, a sentence each. */
  get troubles(): string[] {
    return this.#monitor
      .status()
      .flatMap(({ name, panic, targets }) => [
        ...(panic ? [`table ${name}: so many targets are down that all are used`] : []),
        ...targets.flatMap(({ fwmark, trouble }) =>
          trouble === '' ? [] : [`table ${name}: target ${fwmark} cannot be checked: ${trouble}`],
        ),
      ]);
  }

  close(): Promise<void> {
    return this.#monitor.close();
  }

  #change({ table: name, activate, deactivate, panic }: TableChange): void {
    for (const { fwmark, reason } of deactivate) log.warning(`table ${name}: target ${fwmark} is taken out: ${reason}`);
    for (const { fwmark, reason } of activate) log.notice(`table ${name}: target ${fwmark} is used: ${reason}${panic ? ' (panic)' : ''}`);
    const weights = new Map(this.#tables.get(name)?.targets.map(({ fwmark, weight }) => [fwmark, weight]));
    try {
      const lock = new TableLock(name, this.#options.lockTimeout);
      try {
        const table = lock.existing;
        const drain = drainFor(table);
        const out = deactivate.map(({ fwmark }) => fwmark);
        const dead = deactivate.filter((one) => !one.drain).map(({ fwmark }) => fwmark);
        // Maglev moves a few buckets between the others, too: their connections stay. Those to a dead target are lost, and go to another one at once.
        if (out.length > 0) table.deactivate(out, drain);
        if (dead.length > 0) table.deactivate(dead);
        const back = activate.flatMap(({ fwmark }) => {
          const weight = weights.get(fwmark);
          return weight === undefined ? [] : [{ fwmark, weight }];
        });
        if (back.length > 0) table.activate(back, drain);
      } finally {
        lock.release();
      }
    } catch (error) {
      log.info(`table ${name} will be changed later: ${describeFailure(error)}`);
      this.#options.makeUp();
    }
  }
}

/** What it means for the table is logged when it is changed. */
function tell(table: string, { fwmark, state, reason }: TargetHealth): void {
  log.info(`table ${table}: target ${fwmark} is ${state}${reason === '' ? '' : `: ${reason}`}`);
}

import type { CheckRequest } from './check/check-target.js';
import type { Outcome } from './check/outcome.js';
import type { MonitoredTable, MonitorOptions, TableHealth, UseChange } from './monitored.js';
import { healthOf, useOf } from './state/use.js';
import { TargetWatch } from './target-watch.js';

/** Watches a table's targets, and says which of them to use. */
export class TableWatch {
  readonly #options: MonitorOptions;
  readonly #check: (request: CheckRequest) => Promise<Outcome>;
  readonly #targets = new Map<number, TargetWatch>();
  #table: MonitoredTable;
  /** What the table has been told to use. */
  #used: ReadonlySet<number> = new Set();
  #panic = false;
  #pending: NodeJS.Immediate | undefined;

  constructor(table: MonitoredTable, options: MonitorOptions, check: (request: CheckRequest) => Promise<Outcome>) {
    this.#options = options;
    this.#check = check;
    this.#table = table;
    this.declare(table);
  }

  declare(table: MonitoredTable): void {
    this.#table = table;
    const declared = new Map(table.targets.map((target) => [target.fwmark, target]));
    for (const [fwmark, watch] of this.#targets) {
      if (declared.has(fwmark)) continue;
      watch.close();
      this.#targets.delete(fwmark);
    }
    const appeared = new Set<number>();
    for (const target of table.targets) {
      const known = this.#targets.get(target.fwmark);
      if (known) {
        known.declare(target, table.vips);
        continue;
      }
      appeared.add(target.fwmark);
      this.#targets.set(target.fwmark, new TargetWatch(target, table.vips, this.#check, () => this.#onState(target.fwmark)));
    }
    // Whoever declares targets adds and removes them; only what health makes of the others is news.
    const { used } = this.#use();
    const isNew = (fwmark: number): boolean => appeared.has(fwmark) && used.has(fwmark);
    this.#used = new Set([...declared.keys()].filter((fwmark) => isNew(fwmark) || this.#used.has(fwmark)));
    this.#changeSoon();
  }

  get used(): ReadonlySet<number> {
    return this.#use().used;
  }

  async settled(): Promise<void> {
    await Promise.all([...this.#targets.values()].map((target) => target.settled));
  }

  status(): TableHealth {
    const { used, panic } = this.#use();
    return {
      name: this.#table.name,
      panic,
      targets: this.#table.targets.map(({ fwmark }) => this.#targets.get(fwmark)!.health(used.has(fwmark))),
    };
  }

  async close(): Promise<void> {
    clearImmediate(this.#pending);
    await Promise.all([...this.#targets.values()].map((target) => target.close()));
  }

  #onState(fwmark: number): void {
    const target = this.#targets.get(fwmark);
    if (target) this.#options.onState?.(this.#table.name, target.health(this.used.has(fwmark)));
    this.#changeSoon();
  }

  /** Results that come in together make one change. */
  #changeSoon(): void {
    this.#pending ??= setImmediate(() => {
      this.#pending = undefined;
      this.#change();
    });
  }

  #change(): void {
    const { used, panic } = this.#use();
    const before = this.#used;
    const panicked = this.#panic;
    this.#used = used;
    this.#panic = panic;
    const change = (fwmark: number): UseChange => {
      const target = this.#targets.get(fwmark)!;
      const isDown = target.state === 'down' || target.state === 'damped';
      return { fwmark, reason: this.#reasonFor(target, panicked), drain: used.has(fwmark) || !isDown };
    };
    const activate = [...used].filter((fwmark) => !before.has(fwmark)).map(change);
    const deactivate = [...before].filter((fwmark) => !used.has(fwmark)).map(change);
    if (activate.length + deactivate.length > 0) this.#options.onChange({ table: this.#table.name, activate, deactivate, panic });
  }

  #reasonFor(target: TargetWatch, panicked: boolean): string {
    if (target.state === 'maintenance') return 'maintenance';
    const isDown = target.state === 'down' || target.state === 'damped';
    if (!isDown) return target.recovery;
    if (!this.#panic) return panicked ? `panic is over: ${target.reason}` : target.reason;
    const { down, available } = healthOf(this.#states());
    return `panic: ${down} of ${available} targets are down, so all are used`;
  }

  #states(): readonly TargetWatch['state'][] {
    return this.#table.targets.map(({ fwmark }) => this.#targets.get(fwmark)!.state);
  }

  #use(): { readonly used: ReadonlySet<number>; readonly panic: boolean } {
    const { used, panic } = useOf(this.#states(), this.#table.panic);
    return { used: new Set(this.#table.targets.filter((_, i) => used[i]).map(({ fwmark }) => fwmark)), panic };
  }
}

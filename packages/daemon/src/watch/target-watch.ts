import type { TargetTable } from '@nfqlb/core';
import type { TableObserver } from './table-observer.js';

/** Reports changes of tables' targets while somebody traces them. */
export class TargetWatch {
  readonly #observer: TableObserver;
  readonly #tell: (line: string) => void;
  /** By table: its targets at the last look. */
  #seen = new Map<string, readonly string[] | undefined>();

  constructor(observer: TableObserver, tell: (line: string) => void) {
    this.#observer = observer;
    this.#tell = tell;
  }

  /** Looks at these tables, and reports changes; for a table that was not watched before, all targets. */
  look(names: Iterable<string>): void {
    const before = this.#seen;
    this.#seen = new Map();
    for (const name of names) {
      const targets = this.#observer.look(name, (seen) => (seen.kind === 'present' ? targetsOf(seen.table) : undefined));
      this.#seen.set(name, targets);
      const known = before.get(name);
      if (!before.has(name)) this.#tell(`target: table ${name}: ${targets === undefined ? 'no such table' : list(targets)}`);
      else if (list(known ?? []) !== list(targets ?? []) || (known === undefined) !== (targets === undefined)) {
        this.#tell(`target: table ${name}: ${describeChange(known, targets)}`);
      }
    }
    for (const name of before.keys()) if (!this.#seen.has(name)) this.#tell(`target: table ${name}: no longer used`);
  }

  /** Forgets all tables, when nobody traces targets any more. */
  forget(): void {
    this.#seen.clear();
  }
}

/** Fwmarks, with weights other than 1. */
function targetsOf(table: TargetTable): readonly string[] {
  return Array.from(table.active, (fwmark, slot) => {
    const weight = table.weightOf(slot);
    return fwmark < 0 ? [] : [weight === 1 ? `${fwmark}` : `${fwmark}:${weight}`];
  }).flat();
}

function describeChange(before: readonly string[] = [], now: readonly string[] | undefined): string {
  if (now === undefined) return 'deleted';
  const changes = [
    ...now.filter((target) => !before.includes(target)).map((target) => `+${target}`),
    ...before.filter((target) => !now.includes(target)).map((target) => `-${target}`),
  ];
  return `${changes.join(' ') || 'created'}, now ${list(now)}`;
}

function list(targets: readonly string[]): string {
  return targets.join(' ') || 'no target';
}

import { openTable } from '@nfqlb/protocol/tables';

/** Tells how the targets of tables change, while somebody wants to know. */
export class TargetWatch {
  readonly #tell: (line: string) => void;
  /** By table: its targets when it was looked at last. */
  #seen = new Map<string, readonly string[] | undefined>();

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  /** Looks at these tables, and tells what is new: of a table that is looked at for the first time, all. */
  look(names: Iterable<string>): void {
    const before = this.#seen;
    this.#seen = new Map();
    for (const name of names) {
      const targets = targetsOf(name);
      this.#seen.set(name, targets);
      const known = before.get(name);
      if (!before.has(name)) this.#tell(`target: table ${name}: ${targets === undefined ? 'there is none' : list(targets)}`);
      else if (list(known ?? []) !== list(targets ?? []) || (known === undefined) !== (targets === undefined)) {
        this.#tell(`target: table ${name}: ${describeChange(known, targets)}`);
      }
    }
    for (const name of before.keys()) if (!this.#seen.has(name)) this.#tell(`target: table ${name}: not used any more`);
  }

  /** Nobody wants to know any more. */
  forget(): void {
    this.#seen.clear();
  }
}

/** Fwmarks, with the weights that are not 1; `undefined` when there is no such table, or none that is whole. */
function targetsOf(name: string): readonly string[] | undefined {
  try {
    const { table, memory } = openTable(name);
    const targets = Array.from(table.active, (fwmark, slot) => {
      const weight = table.weightOf(slot);
      return fwmark < 0 ? [] : [weight === 1 ? `${fwmark}` : `${fwmark}:${weight}`];
    }).flat();
    memory.close();
    return targets;
  } catch {
    return undefined;
  }
}

function describeChange(before: readonly string[] = [], now: readonly string[] | undefined): string {
  if (now === undefined) return 'it is gone';
  const changes = [
    ...now.filter((target) => !before.includes(target)).map((target) => `+${target}`),
    ...before.filter((target) => !now.includes(target)).map((target) => `-${target}`),
  ];
  return `${changes.join(' ') || 'made anew'}, now ${list(now)}`;
}

function list(targets: readonly string[]): string {
  return targets.join(' ') || 'no target';
}

import type { DeclaredTable } from '@nfqlb/configuration';
import type { Target, TargetName } from './target.js';
import { TestingError } from './testing-error.js';

/** The targets of a configuration, by the names that tests have for them. */
export class Targets {
  /** Those that were declared earlier, too. */
  readonly #byFwmark = new Map<number, { -readonly [Field in keyof Target]: Target[Field] }>();
  /** By name: a target in two tables has two. */
  readonly #byName = new Map<string, Target>();
  #tables: readonly string[] = [];

  constructor(tables: ReadonlyMap<string, DeclaredTable>) {
    this.declare(tables);
  }

  /** Takes the names and weights of another configuration. A target stays the same one as long as its fwmark does. */
  declare(tables: ReadonlyMap<string, DeclaredTable>): void {
    this.#tables = [...tables.keys()];
    this.#byName.clear();
    const weights = new Map<number, Map<string, number>>();
    for (const [table, { members, targets }] of tables) {
      const declared = members && members.length > 0 ? members : targets.map((target) => ({ ...target, addresses: [] }));
      for (const [i, { fwmark, weight, addresses }] of declared.entries()) {
        const name = `${table}-${i + 1}`;
        const own = weights.get(fwmark);
        weights.set(fwmark, (own ?? new Map<string, number>()).set(table, weight));
        const target = this.#byFwmark.get(fwmark) ?? { name, fwmark, addresses, weights: new Map() };
        // In several tables, it has the name from the first.
        if (!own) Object.assign(target, { name, addresses, weights: weights.get(fwmark) });
        this.#byFwmark.set(fwmark, target);
        for (const each of [name, String(fwmark), ...addresses]) this.#byName.set(each, target);
      }
    }
  }

  /** The declared ones. */
  get all(): readonly Target[] {
    return [...new Set(this.#byName.values())];
  }

  /** @throws {@link TestingError} */
  get(name: TargetName): Target {
    const target = this.#byName.get(String(name));
    if (target) return target;
    throw new TestingError(`there is no target ${name}; there are ${this.all.map((each) => each.name).join(', ') || 'none'}`);
  }

  /** The targets with that name: one, or all of the table. @throws {@link TestingError} */
  named(name: TargetName): readonly Target[] {
    if (this.#byName.has(String(name))) return [this.get(name)];
    if (this.#tables.includes(String(name))) return this.all.filter(({ weights }) => weights.has(String(name)));
    const names = [...this.#tables, ...this.all.map((each) => each.name)];
    throw new TestingError(`there is no target or table ${name}; there are ${names.join(', ')}`);
  }

  withFwmark(fwmark: number): Target | undefined {
    return this.#byFwmark.get(fwmark);
  }
}

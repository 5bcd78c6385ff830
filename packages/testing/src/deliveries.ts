import type { Delivery } from './delivery.js';
import type { Target } from './target.js';

/** The packets that were sent in one go, in order, with where they went; and the targets there were. */
export class Deliveries implements Iterable<Delivery> {
  readonly all: readonly Delivery[];
  /** Active targets of each table, with their weights. */
  readonly active: ReadonlyMap<string, ReadonlyMap<Target, number>>;
  /** Targets by name, or all targets of a table. */
  readonly targetsNamed: (name: string | number) => readonly Target[];

  /** @internal */
  constructor(
    all: readonly Delivery[],
    active: ReadonlyMap<string, ReadonlyMap<Target, number>>,
    targetsNamed: (name: string | number) => readonly Target[],
  ) {
    this.all = all;
    this.active = active;
    this.targetsNamed = targetsNamed;
  }

  get length(): number {
    return this.all.length;
  }

  [Symbol.iterator](): Iterator<Delivery> {
    return this.all[Symbol.iterator]();
  }

  /** The names of the targets they reached, in order; `undefined` for packets that reached none. */
  get targets(): readonly (string | undefined)[] {
    return this.all.map(({ target }) => target?.name);
  }

  /** Whether a target was in a table when the last packet was sent. */
  isActive(target: Target): boolean {
    return [...this.active.values()].some((targets) => targets.has(target));
  }
}

import type { PortRange } from '@nfqlb/core/flows';
import { PORTS } from '../layout.js';

/** Classes of ports that no flow distinguishes, numbered in ascending order: a range of ports is a range of classes. */
export class PortClasses {
  /** First port of each class. */
  readonly #firsts: readonly number[];
  readonly #classOf = new Uint16Array(PORTS);

  constructor(ranges: readonly PortRange[]) {
    const firsts = new Set(ranges.flatMap(({ first, last }) => [first, last + 1]));
    firsts.add(0).delete(PORTS);
    this.#firsts = [...firsts].sort((a, b) => a - b);
    this.#firsts.forEach((first, portClass) => {
      this.#classOf.fill(portClass, first);
    });
  }

  get count(): number {
    return this.#firsts.length;
  }

  of(port: number): number {
    return this.#classOf[port]!;
  }
}

import type { LoadBalancer } from './load-balancer.js';

/** The output of `show --json`. */
export interface ShownTable {
  readonly M: number;
  readonly lookup: readonly number[];
  readonly targets: readonly { readonly fwmark: number; readonly slot: number }[];
}

export async function shown(lb: LoadBalancer): Promise<ShownTable> {
  return JSON.parse(await lb.run('show', '--json', `--shm=${lb.table}`)) as ShownTable;
}

/** The fwmark of each bucket. */
export function fwmarks({ lookup, targets }: ShownTable): (number | undefined)[] {
  return lookup.map((slot) => targets.find((target) => target.slot === slot)?.fwmark);
}

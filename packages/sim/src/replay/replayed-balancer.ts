import {
  Balancer,
  type BalancerOptions,
  type FragmentTableOptions,
  FwmarkLookup,
  type TableOptions,
  type Target,
  TargetTable,
} from '@nfqlb/core';
import { ReturningFragments } from './returning-fragments.js';

export interface ReplayedBalancerOptions {
  /** Of the target table, and of the tier's. */
  readonly table: TableOptions;
  readonly targets: readonly Target[];
  readonly tier?: { readonly ownFwmark: number; readonly targets: readonly Target[] } | undefined;
  readonly fragments: FragmentTableOptions;
  readonly balancer?: Omit<BalancerOptions, 'fragments' | 'tier'>;
}

/** A load-balancer as `nfqlb lb` has it, in memory of its own and in virtual time. */
export class ReplayedBalancer {
  readonly table: TargetTable;
  readonly tier: TargetTable | undefined;
  readonly fragments: ReturningFragments;
  readonly balancer: Balancer;

  /** @throws CoreError */
  constructor({ table, targets, tier, fragments, balancer }: ReplayedBalancerOptions) {
    this.table = createTable(table, targets);
    this.tier = tier && createTable({ ...table, ownFwmark: tier.ownFwmark }, tier.targets);
    this.fragments = new ReturningFragments(fragments);
    this.balancer = new Balancer(new FwmarkLookup(this.table), {
      ...balancer,
      fragments: this.fragments,
      ...(this.tier && { tier: new FwmarkLookup(this.tier) }),
    });
  }
}

function createTable(options: TableOptions, targets: readonly Target[]): TargetTable {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options);
  table.activate(targets);
  return table;
}

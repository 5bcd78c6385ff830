import { type TableOptions, type Target, TargetTable } from '@nfqlb/core';
import { defineFlow, type ListedFlow, listFlow } from '@nfqlb/core/flows';
import type { Configuration, DeclaredTable } from '../configuration.js';
import { ConfigurationError } from '../configuration-error.js';
import { missingTableProblem } from '../cross-references.js';
import type { Change } from './change.js';

/** The present state. */
export interface Present {
  /** `undefined` if there is no table with that name. */
  readonly table: (name: string) => PresentTable | undefined;
  /** As the running load balancer lists them. */
  readonly flows: readonly ListedFlow[];
}

export interface PresentTable extends Required<Omit<TableOptions, 'hashKey'>>, Pick<TableOptions, 'hashKey'> {
  readonly targets: readonly Required<Target>[];
}

/**
 * The fewest changes that turn the present state into the declared one, in an order in which no packet ever finds less than before
 * or after the changes: tables, flows, then removal of tables that no flow leads to any more.
 *
 * An undeclared table stays, unless flows led to it and none does any more.
 *
 * @throws {@link ConfigurationError} for a flow that leads to no table
 */
export function changesBetween(present: Present, declared: Configuration): Change[] {
  requireTables(declared, present);
  return [...tableChanges(present, declared), ...flowChanges(present, declared), ...tablesLeft(present, declared)];
}

/** Checks that each flow leads to a table, declared or present: one may have been deleted since the file was read. */
function requireTables({ tables, flows = [] }: Configuration, present: Present): void {
  for (const { name, target, place } of flows) {
    if (tables?.has(target) || present.table(target) !== undefined) continue;
    throw new ConfigurationError(place, missingTableProblem(name, target));
  }
}

function tableChanges(present: Present, { tables = new Map() }: Configuration): Change[] {
  return [...tables].flatMap(([name, table]: [string, DeclaredTable]): Change[] => {
    const before = present.table(name);
    if (!before) return [{ kind: 'create-table', name, table }];
    if (!isAlike(before, table)) return [{ kind: 'replace-table', name, table }];
    const activate = table.targets.filter(({ fwmark, weight }) => weightIn(before, fwmark) !== weight);
    const deactivate = before.targets.map(({ fwmark }) => fwmark).filter((fwmark) => weightIn(table, fwmark) === undefined);
    const { targets, drain } = table;
    return [
      ...(drain === before.drain ? [] : [{ kind: 'set-drain', name, drain } as const]),
      ...(activate.length + deactivate.length > 0 ? [{ kind: 'set-targets', name, targets, activate, deactivate } as const] : []),
    ];
  });
}

function flowChanges({ flows: before }: Present, { flows: declared }: Configuration): Change[] {
  if (!declared) return [];
  const listed = new Map(before.map((flow) => [flow.name, meaningOf(flow)]));
  const names = new Set(declared.map(({ name }) => name));
  return [
    ...declared
      .filter((flow) => meaningOf(listFlow(defineFlow(flow), 0, flow.target)) !== listed.get(flow.name))
      .map(({ place: _, ...flow }): Change => ({ kind: 'define-flow', flow })),
    ...before.filter(({ name }) => !names.has(name)).map(({ name }): Change => ({ kind: 'delete-flow', name })),
  ];
}

function tablesLeft(present: Present, { tables, flows }: Configuration): Change[] {
  if (!tables || !flows) return [];
  const used = new Set([...tables.keys(), ...flows.map(({ target }) => target)]);
  const before = new Set(present.flows.flatMap(({ user_ref: target }) => (target === undefined ? [] : [target.replace(/^\//, '')])));
  return [...before].filter((name) => !used.has(name) && present.table(name)).map((name): Change => ({ kind: 'delete-table', name }));
}

function isAlike(before: PresentTable, table: DeclaredTable): boolean {
  const { N, ownFwmark, permutation, hashKey } = before;
  const sameSize = before.M === TargetTable.bucketsFor(table) && N === table.N;
  return sameSize && ownFwmark === table.ownFwmark && permutation === table.permutation && String(hashKey) === String(table.hashKey);
}

function weightIn({ targets }: { readonly targets: readonly Required<Target>[] }, fwmark: number): number | undefined {
  return targets.find((target) => target.fwmark === fwmark)?.weight;
}

/** A text that is equal for equal flows. */
function meaningOf({ matches_count: _, ...flow }: ListedFlow): string {
  return JSON.stringify(flow);
}

// Names of existing tables, targets and flows, for shell completion. What cannot be read, or does not answer, is left out.

import { readdirSync, readFileSync } from 'node:fs';
import type { Suggest, Suggestion, TableNames } from '@nfqlb/options';
import type { Action } from '@nfqlb/protocol/flow';
import { DEFAULT_TABLE, readTable } from '@nfqlb/protocol/tables';

/** Target tables in shared memory. */
export const tableNames: Suggest = () =>
  readdirSync('/dev/shm', { withFileTypes: true })
    // Other programs use this folder, too; opening a pipe would block until it has a writer.
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .flatMap(({ name }): Suggestion[] => {
      const table = tryReadTable(name);
      return table ? [{ value: name, about: `table with targets ${table.targets.join(' ') || 'none'}` }] : [];
    });

/** Targets that are active in the table that `--shm` names. */
export const activeFwmarks: Suggest = ({ option }) =>
  (tryReadTable(option('--shm') ?? DEFAULT_TABLE)?.targets ?? []).map((fwmark) => ({ value: `${fwmark}` }));

export const TABLE_NAMES: TableNames = { tables: tableNames, fwmarks: activeFwmarks };

/** Interfaces of this network namespace: not from /sys, which may be that of another one. */
export const interfaceNames: Suggest = () =>
  [...readFileSync('/proc/net/dev', 'utf8').matchAll(/^\s*([^\s:]+):/gm)].map(([, value]) => ({ value: value! }));

/** Flows of the running load balancer. */
export const flowNames: Suggest = () => listNames('list-names');

/** Trace flows of the running load balancer. */
export const traceFlowNames: Suggest = () => listNames('trace-list-names');

async function listNames(action: Action): Promise<Suggestion[]> {
  // Imported only here: most completions do not need it.
  const { flowAddress, sendFlowCommand } = await import('@nfqlb/protocol/flow');
  const names = JSON.parse(await sendFlowCommand(flowAddress(), { action, fields: {} })) as string[];
  // C nfqlb also lists the flows that it derives from others, which commands cannot name.
  return names.filter((name) => !name.startsWith('#')).map((value) => ({ value }));
}

function tryReadTable(name: string): { readonly targets: readonly number[] } | undefined {
  try {
    return readTable(name, ({ fwmarks }) => ({ targets: fwmarks }));
  } catch {
    return undefined;
  }
}

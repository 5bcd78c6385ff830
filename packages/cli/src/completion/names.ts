// Names of what exists, for the shell to offer. What may not be read, or does not answer, is not offered.

import { readdirSync } from 'node:fs';
import type { Suggest, Suggestion, TableNames } from '@nfqlb/options';
import type { Action } from '@nfqlb/protocol/flow';
import { DEFAULT_TABLE, readTable } from '@nfqlb/protocol/tables';

/** Target tables in shared memory. */
export const tableNames: Suggest = () =>
  readdirSync('/dev/shm', { withFileTypes: true })
    // Others keep other things there; to open a pipe would be to wait for its writer.
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .flatMap(({ name }): Suggestion[] => {
      const table = look(name);
      return table ? [{ value: name, about: `table with targets ${table.targets.join(' ') || 'none'}` }] : [];
    });

/** Targets that are active in the table that `--shm` names. */
export const activeFwmarks: Suggest = ({ option }) =>
  (look(option('--shm') ?? DEFAULT_TABLE)?.targets ?? []).map((fwmark) => ({ value: `${fwmark}` }));

export const TABLE_NAMES: TableNames = { tables: tableNames, fwmarks: activeFwmarks };

/** Flows of the running load balancer. */
export const flowNames: Suggest = () => listNames('list-names');

/** Its trace flows. */
export const traceFlowNames: Suggest = () => listNames('trace-list-names');

async function listNames(action: Action): Promise<Suggestion[]> {
  // Most commands that can be completed so need neither.
  const { flowAddress, sendFlowCommand } = await import('@nfqlb/protocol/flow');
  const names = JSON.parse(await sendFlowCommand(flowAddress(), { action, fields: {} })) as string[];
  // C nfqlb lists those, too, that follow from others, and that nobody can name.
  return names.filter((name) => !name.startsWith('#')).map((value) => ({ value }));
}

function look(name: string): { readonly targets: readonly number[] } | undefined {
  try {
    return readTable(name, ({ fwmarks }) => ({ targets: fwmarks }));
  } catch {
    return undefined;
  }
}

import type { Configuration } from '@nfqlb/configuration';
import type { FlowDefinition } from '@nfqlb/core/flows';
import { createTableIfAbsent } from '@nfqlb/protocol/tables';
import { hasTable } from './present.js';

/**
 * Reads a configuration for a load balancer that starts: creates missing tables (after a boot) and keeps existing ones (after a restart), whose
 * targets may have changed since.
 *
 * @param file path of the configuration; `-` for standard input
 * @returns the initial flows
 */
export async function restore(file: string): Promise<readonly FlowDefinition[]> {
  const { parseConfiguration, readConfigurationText } = await import('@nfqlb/configuration');
  return restored(parseConfiguration(await readConfigurationText(file), file, { hasTable, findsNothing: true }));
}

/** The same for a configuration that has been read. */
export function restored({ tables = new Map(), flows = [] }: Configuration): readonly FlowDefinition[] {
  for (const [name, table] of tables as NonNullable<Configuration['tables']>) {
    createTableIfAbsent(name, table, (created) => created.setTargets(table.targets));
  }
  return flows.map(({ place: _, ...flow }) => flow);
}

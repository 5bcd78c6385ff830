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
  const configuration = parseConfiguration(await readConfigurationText(file), file, { hasTable });
  for (const [name, table] of configuration.tables ?? []) {
    createTableIfAbsent(name, table, (created) => created.setTargets(table.targets));
  }
  return (configuration.flows ?? []).map(({ place: _, ...flow }) => flow);
}

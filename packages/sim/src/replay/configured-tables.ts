import type { Configuration } from '@nfqlb/configuration/parse';
import { UsageError } from '@nfqlb/options/values';
import type { ReplayedBalancerOptions } from './replayed-balancer.js';

/**
 * The tables of a configuration, and what leads to them: its flows; without flows its only table, or that with a given name.
 *
 * @param file name of the configuration, for errors
 * @throws UsageError
 */
export function configuredTables(
  { tables = new Map(), flows }: Configuration,
  file: string,
  tshm: string,
  promiscuousPing: boolean,
): Pick<ReplayedBalancerOptions, 'tables' | 'choice'> {
  if (flows) return { tables, choice: { flows, promiscuousPing } };
  const table = tables.size === 1 ? [...tables.keys()][0]! : tshm;
  if (tables.has(table)) return { tables, choice: table };
  const problem = `there is no table ${table} in ${file}; tables: ${[...tables.keys()].join(', ') || 'none'}`;
  throw new UsageError('invalid-value', problem, { option: '--tshm', value: tshm });
}

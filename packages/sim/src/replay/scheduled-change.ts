import type { TargetTable } from '@nfqlb/core';
import { defineFlow, requireNetworks } from '@nfqlb/core/flows';
import { type ConfigurationCommand, configurationCommand, decimalSeconds, UsageError } from '@nfqlb/options';
import { DEFAULT_TABLE } from './defaults.js';
import type { ReplayedBalancer } from './replayed-balancer.js';
import type { ScheduledChange } from './schedule.js';

/**
 * Reads a value of `--at`: `1.5:deactivate 102`, a time in seconds after the first packet and an nfqlb command that changes a table or a
 * flow, with its options.
 *
 * @throws {@link UsageError}
 */
export function scheduledChange(text: string): ScheduledChange {
  const colon = text.indexOf(':');
  if (colon < 0) throw new UsageError('invalid-value', 'must be SECONDS:COMMAND, such as 1.5:"deactivate 102"', { value: text });
  const at = decimalSeconds(text.slice(0, colon));
  return { at, command: text, ...commandOf(text.slice(colon + 1), at) };
}

/** @throws UsageError for a change that cannot be applied to these tables and flows */
export function checkChanges(changes: readonly ScheduledChange[], { tables, flows }: ReplayedBalancer): void {
  for (const { command, table, changesFlows } of changes) {
    const subject = { option: '--at', value: command };
    if (changesFlows && !flows) throw new UsageError('invalid-value', 'no flows: this needs --config with flows', subject);
    if (table !== undefined && !tables.has(table)) {
      throw new UsageError('invalid-value', `there is no table ${table}; tables: ${[...tables.keys()].join(', ') || 'none'}`, subject);
    }
  }
}

type Effect = Omit<ScheduledChange, 'at' | 'command'>;

function commandOf(text: string, at: number): Effect {
  const command = configurationCommand(text, ['activate', 'deactivate', 'flow-set', 'flow-delete']);
  switch (command.name) {
    case 'activate':
    case 'deactivate': {
      const { shm = DEFAULT_TABLE } = command;
      return {
        table: shm,
        drains: (command.drain ?? 0) > 0,
        changesFlows: false,
        apply: ({ tables }) => changeTargets(tables.get(shm)!, command, at * 1000),
      };
    }
    case 'flow-set': {
      const { prio: priority, ...options } = command.flow;
      const flow = { ...options, priority };
      defineFlow(flow);
      requireNetworks(flow);
      return { table: flow.target, changesFlows: true, apply: ({ flows }) => flows!.define(flow) };
    }
    case 'flow-delete':
      return { changesFlows: true, apply: ({ flows }) => flows!.delete(command.flow) };
  }
}

/** @param now in milliseconds */
function changeTargets(table: TargetTable, command: Extract<ConfigurationCommand, { name: 'activate' | 'deactivate' }>, now: number): void {
  const { index } = command;
  const drain = { now, seconds: command.drain ?? table.drain };
  if (command.name === 'deactivate') {
    if (index === undefined) table.deactivate(command.fwmarks, drain);
    else table.deactivateAt(index, drain);
  } else if (index === undefined) table.activate(command.targets, drain);
  else if (command.targets[0]) table.activateAt(index, command.targets[0], drain);
}

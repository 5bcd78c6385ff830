import { CoreError, TargetTable } from '@nfqlb/core';
import { defineFlow, requireNetworks } from '@nfqlb/core/flows';
import { type ConfigurationCommand, configurationCommand, UsageError } from '@nfqlb/options';
import { drainFor } from '@nfqlb/protocol/tables';
import type { Situation } from './situation.js';

/** A command to try out. */
export interface WhatIf {
  /** As it was given. */
  readonly line: string;
  readonly command: ConfigurationCommand;
}

/** Reads a value of `--what-if`: `deactivate 102`. Throws {@link UsageError}. */
export function whatIf(line: string): WhatIf {
  return { line, command: configurationCommand(line, ['activate', 'deactivate', 'flow-set', 'flow-delete', 'init']) };
}

/**
 * Changes a situation as the command would change the running load balancer's.
 *
 * @param table for commands that name no table; absent if the packet goes to none
 * @throws UsageError if the command cannot be applied, or changes something that does not exist
 */
export function tryOut({ line, command }: WhatIf, situation: Situation, table: string | undefined): void {
  const refuse = (problem: string, cause?: unknown): UsageError =>
    new UsageError('invalid-value', problem, { option: '--what-if', value: line }, { cause });
  try {
    change(command);
  } catch (error) {
    throw error instanceof CoreError ? refuse(error.message, error) : error;
  }

  function change(asked: ConfigurationCommand): void {
    switch (asked.name) {
      case 'activate': {
        const named = tableNamed(asked.shm);
        const drain = drainFor(named.table, asked.drain);
        if (asked.index === undefined) named.table.activate(asked.targets, drain);
        else if (asked.targets[0]) named.table.activateAt(asked.index, asked.targets[0], drain);
        return;
      }
      case 'deactivate':
        deactivate(asked);
        return;
      case 'init':
        init(asked);
        return;
      case 'flow-set': {
        const { prio, ...options } = asked.flow;
        const flow = defineFlow({ ...options, priority: prio });
        requireNetworks(options);
        tableNamed(flow.target);
        flows().define(flow);
        return;
      }
      case 'flow-delete':
        if (!flows().delete(asked.flow)) throw refuse(`no such flow; ${names(situation.definedFlows().map(({ name }) => name))}`);
    }
  }

  function deactivate({ shm, fwmarks, index, drain: seconds }: Extract<ConfigurationCommand, { name: 'deactivate' }>): void {
    const { name, table: changed } = tableNamed(shm);
    // A draining one may be dead: then its connections are cut.
    const active = [...changed.fwmarks, ...changed.draining];
    const other = fwmarks.find((fwmark) => !active.includes(fwmark));
    if (other !== undefined) throw refuse(`fwmark ${other} is not active in table ${name}; ${names(active)}`);
    const drain = drainFor(changed, seconds);
    if (index === undefined) changed.deactivate(fwmarks, drain);
    else changed.deactivateAt(index, drain);
  }

  function init({ shm, M, N, ownfw, permutation, hash, drain = 0 }: Extract<ConfigurationCommand, { name: 'init' }>): void {
    const name = shm ?? table;
    if (name === undefined) throw refuse('name a table with --shm');
    const options = { M, N, ownFwmark: ownfw, permutation, hashKey: hash.hashKey, drain };
    const memory = new ArrayBuffer(TargetTable.byteLength(options));
    TargetTable.create(memory, options);
    situation.replaceTable(name, memory);
  }

  function tableNamed(shm = table): { readonly name: string; readonly table: TargetTable } {
    if (shm === undefined) throw refuse('name a table with --shm: the packet goes to none');
    const found = situation.tableOf(shm);
    if (!found) throw refuse(`there is no table ${shm}`);
    return { name: shm, table: found };
  }

  function flows(): NonNullable<Situation['flows']> {
    if (situation.flows) return situation.flows;
    throw refuse(`there are no flows: all packets go by table ${situation.table}`);
  }
}

/** How many names to show. */
const MAX_SHOWN = 20;

function names(all: readonly (string | number)[]): string {
  if (all.length === 0) return 'there is none';
  return `there ${all.length === 1 ? 'is' : 'are'} ${all.slice(0, MAX_SHOWN).join(', ')}${all.length > MAX_SHOWN ? ` and ${all.length - MAX_SHOWN} more` : ''}`;
}

import { TargetTable } from '@nfqlb/core';
import { defineFlow, definitionOf, type ListedFlow } from '@nfqlb/core/flows';
import { NativeError, SharedMemory } from '@nfqlb/native';
import { FlowCommandError, flowAddress, listFlows } from '@nfqlb/protocol/flow';
import { formatSocketAddress, parseSocketAddress } from '@nfqlb/protocol/sockets';
import { DEFAULT_TABLE, readTable } from '@nfqlb/protocol/tables';
import type { RunningLoadBalancer } from './running-load-balancers.js';
import { Situation } from './situation.js';

/** The configuration of the running load balancer, and its source. */
export interface RunningConfiguration {
  readonly situation: Situation;
  readonly about: string;
}

/** How often to read a table that another program is writing. */
const TRIES = 100;

/**
 * The configuration of a running load balancer: its table, or the flows at its flow socket. Without one, the flows at the default address; if
 * nobody answers there, the default table.
 *
 * @param table to use this table in any case
 * @param balancer if one is known
 * @throws NativeError, CoreError, FlowCommandError, UsageError
 */
export async function runningConfiguration(
  table: string | undefined,
  balancer: RunningLoadBalancer | undefined,
): Promise<RunningConfiguration> {
  if (table !== undefined) return ofTable(table, `table ${table}`);
  const who = balancer && `the load balancer of queue ${balancer.queue} (${balancer.command}, pid ${balancer.pid})`;
  if (balancer?.options.table !== undefined) return ofTable(balancer.options.table, `table ${balancer.options.table} of ${who}`);
  const running = balancer?.options.flowAddress;
  const address = running === undefined ? flowAddress() : parseSocketAddress(running);
  const where = formatSocketAddress(address);
  let listed: ListedFlow[];
  try {
    listed = await listFlows(address);
  } catch (error) {
    if (!(error instanceof FlowCommandError) || (error.code !== 'NOT_CONNECTED' && error.code !== 'REFUSED')) throw error;
    return ofTable(DEFAULT_TABLE, `table ${DEFAULT_TABLE}, since no load balancer with flows listens at ${where}`);
  }
  const flows = listed.map((flow) => defineFlow(definitionOf(flow)));
  const situation = Situation.ofFlows(flows, copyTable);
  return {
    situation,
    about: `${flows.length === 1 ? 'the 1 flow' : `the ${flows.length} flows`} of ${who ?? `the load balancer at ${where}`}`,
  };
}

function ofTable(name: string, about: string): RunningConfiguration {
  const situation = Situation.ofTable(name, copyTable);
  try {
    // Opened for the error if there is none.
    if (!situation.tableOf(name)) readTable(name, () => {});
  } catch (error) {
    if (!(error instanceof NativeError) || !about.startsWith(`table ${name}, since `)) throw error;
    throw new NativeError(error.code, 'opening', `${error.message}; ${about.replace(`table ${name}, since `, '')}`, { cause: error });
  }
  return { situation, about };
}

/**
 * A consistent copy of a table's memory. `undefined` if there is no table.
 *
 * @throws NativeError, CoreError when there is one and it cannot be read
 */
export function copyTable(name: string): ArrayBuffer | undefined {
  if (SharedMemory.identity(name) === undefined) return undefined;
  return readTable(name, (table, memory) => {
    for (let attempt = 1; ; attempt++) {
      const { generation } = table;
      const copy = memory.buffer.slice(0);
      const copied = TargetTable.open(copy);
      // Tables of C nfqlb have no generation.
      const settled = generation === table.generation && copied.active.every((fwmark, slot) => fwmark === table.active[slot]);
      if (settled && ((generation ?? 0) & 1) === 0) return copy;
      // A killed writer left it like this: FwmarkLookup can handle it.
      if (attempt === TRIES) return copy;
    }
  });
}

// The state before a configuration is applied: tables in shared memory, and the flows of the running load balancer.

import type { Present, PresentTable } from '@nfqlb/configuration/changes';
import { SharedMemory } from '@nfqlb/native';
import { listFlows } from '@nfqlb/protocol/flow';
import type { SocketAddress } from '@nfqlb/protocol/sockets';
import { readTable } from '@nfqlb/protocol/tables';

/** @param flows the load balancer's flow socket; absent if flows are not needed, and then no load balancer needs to run */
export async function readPresent(flows: SocketAddress | undefined): Promise<Present> {
  if (flows === undefined) return { table: presentTable, flows: [] };
  return { table: presentTable, flows: await listFlows(flows) };
}

/** Whether there is a table of that name in shared memory. */
export function hasTable(name: string): boolean {
  return presentTable(name) !== undefined;
}

/** @throws CoreError, NativeError when the table exists but cannot be read */
export function presentTable(name: string): PresentTable | undefined {
  if (SharedMemory.identity(name) === undefined) return undefined;
  return readTable(name, ({ M, N, ownFwmark, permutation, hashKey, drain, slots }) => {
    return { M, N, ownFwmark, permutation, hashKey, drain, targets: slots.filter((slot) => slot !== undefined) };
  });
}

import { randomBytes } from 'node:crypto';
import { ConnectionSet, type ConnectionSetOptions } from '@nfqlb/core';
import { machineTime } from '@nfqlb/native';

/** The connections that all workers remember while targets change, in a form that can be passed to a thread. */
export interface SharedConnections {
  readonly options: ConnectionSetOptions;
  readonly memory: SharedArrayBuffer;
}

export function shareConnections(options: ConnectionSetOptions): SharedConnections {
  // Random, so that an attacker cannot choose connections that take the places of others.
  const key = randomBytes(8);
  return { options, memory: ConnectionSet.createMemory(options, [key.readInt32LE(0), key.readInt32LE(4)]) };
}

/** The connections as one thread uses them. */
export function connectionSetOf({ options, memory }: SharedConnections): ConnectionSet {
  const connections = new ConnectionSet(memory, options);
  connections.now = machineTime();
  return connections;
}

/** Number of a table, the same in all workers: FNV-1a of what identifies it. */
export function tableNumber(identity: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < identity.length; i++) hash = Math.imul(hash ^ identity.charCodeAt(i), 0x01000193);
  return hash;
}

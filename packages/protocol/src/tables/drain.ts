import type { Drain, TargetTable } from '@nfqlb/core/maglev';
import { machineTime } from '@nfqlb/native';

/**
 * How a change that is made now treats connections.
 *
 * @param seconds how long they keep their former target; by default as long as the table says
 */
export function drainFor(table: TargetTable, seconds: number = table.drain): Drain {
  // The clock of the load balancer's workers.
  return { now: machineTime(), seconds };
}

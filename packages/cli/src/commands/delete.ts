import { Command, text } from '@nfqlb/options';
import { flowAddress, listFlows } from '@nfqlb/protocol/flow';
import { withTableLock } from '@nfqlb/protocol/tables';
import { tableNames } from '../completion/names.js';

export function deleteCommand(): Command {
  return new Command('delete')
    .description('delete a target table; load balancers that use it keep its targets until there is a table of that name again')
    .requiredOption('--shm <name>', 'target table', text(tableNames))
    .examples(['nfqlb delete --shm=web', 'a table that no load balancer needs any more'])
    .action(deleteTable) as Command;
}

async function deleteTable({ shm }: { shm: string }): Promise<void> {
  const flows = await flowsOf(shm);
  const isUsed = withTableLock(shm, (lock) => {
    const { isUsed } = lock;
    lock.delete();
    return isUsed;
  });
  if (!isUsed && flows === 0) return;
  const users = [
    ...(isUsed ? ['a load balancer uses'] : []),
    ...(flows > 0 ? [`${flows} ${flows === 1 ? 'flow uses' : 'flows use'}`] : []),
  ];
  console.error(
    `nfqlb delete: warning: ${users.join(' and ')} table ${shm}: its targets stay in use, and cannot be changed until there is a table of that name again`,
  );
}

/** How many flows of the running load balancer use the table; 0 if no load balancer answers. */
async function flowsOf(table: string): Promise<number> {
  try {
    return (await listFlows(flowAddress())).filter((flow) => flow.user_ref === table).length;
  } catch {
    return 0;
  }
}

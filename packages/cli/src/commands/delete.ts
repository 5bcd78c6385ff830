import { SharedMemory } from '@nfqlb/native/shared-memory';
import { Command, text } from '@nfqlb/options';
import { tableNames } from '../completion/names.js';

export function deleteCommand(): Command {
  return new Command('delete')
    .description('remove a target table; running load-balancers keep it until there is another of its name')
    .requiredOption('--shm <name>', 'its name', text(tableNames))
    .action(({ shm }: { shm: string }) => SharedMemory.unlink(shm)) as Command;
}

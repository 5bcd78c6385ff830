import { SharedMemory } from '@nfqlb/native';
import { Command } from '@nfqlb/options';

export function deleteCommand(): Command {
  return new Command('delete')
    .description('remove a target table; running load-balancers keep it until there is another of its name')
    .requiredOption('--shm <name>', 'its name')
    .action(({ shm }: { shm: string }) => SharedMemory.unlink(shm)) as Command;
}

import { Command } from '@nfqlb/options';
import { NAME, NUMBER, VERSION } from '../version.js';

export function versionCommand(): Command {
  return new Command('version')
    .description('print the version')
    .option('--json', 'as JSON: name and version')
    .examples(['nfqlb version', 'for humans'], ['nfqlb version --json', 'for a program'])
    .action(({ json }: { json?: true }) => console.log(json ? JSON.stringify({ name: NAME, version: NUMBER }) : VERSION)) as Command;
}

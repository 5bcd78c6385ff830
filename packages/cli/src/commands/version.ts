import { Command } from '@nfqlb/options';
import { VERSION } from '../version.js';

export function versionCommand(): Command {
  return new Command('version').description('print the version').action(() => console.log(VERSION)) as Command;
}

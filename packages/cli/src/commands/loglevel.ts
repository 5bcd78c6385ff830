import { Argument, Command, wholeNumber } from '@nfqlb/options';
import { LogConfig, MAX_LEVEL } from '@nfqlb/protocol/trace';

export function loglevelCommand(): Command {
  return new Command('loglevel')
    .description('show or change how much running load balancers log on stderr: 4 warning, 5 notice, 6 info, 7 debug')
    .addArgument(new Argument('[level]', `0 to ${MAX_LEVEL}`).argParser(wholeNumber({ max: MAX_LEVEL })))
    .option('--json', 'as JSON')
    .examples(['nfqlb loglevel', 'which level it is'], ['nfqlb loglevel 7', 'log everything'])
    .action((level: number | undefined, { json }: { json?: true }) => {
      const config = new LogConfig();
      if (level !== undefined) config.level = level;
      console.log(json ? JSON.stringify({ loglevel: config.level }) : `loglevel=${config.level}`);
      config.close();
    }) as Command;
}

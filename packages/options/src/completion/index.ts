import { Argument, type Command } from '../command.js';
import { oneOf } from '../values/suggestion.js';
import { completeCommand } from './complete-command.js';
import { completionScript, SHELLS, type Shell } from './scripts.js';

/**
 * Gives a program the command `completion`, which prints a script that makes a shell complete its commands, options and values as
 * declared, and the hidden command that those scripts call.
 */
export function addCompletion(program: Command): void {
  const name = program.name();
  (program.command('completion') as Command)
    .description(`print a script that makes a shell complete commands, options and names: eval "$(${name} completion bash)"`)
    .addArgument(new Argument('<shell>', SHELLS.join(', ')).argParser(oneOf(...SHELLS)))
    .examples([`eval "$(${name} completion bash)"`, 'in this shell'])
    .action((shell: Shell) => {
      process.stdout.write(completionScript(shell, { name, start: [process.execPath, process.argv[1] ?? name] }));
    });
  program.addCommand(completeCommand(program), { hidden: true });
}

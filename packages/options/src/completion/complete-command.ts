import { setTimeout as pause } from 'node:timers/promises';
import { Command } from '../command.js';
import { FILES, type Suggestion } from '../values/suggestion.js';
import { suggest } from './suggest.js';

/** Exit status that asks the shell for names of files. */
export const FILES_STATUS = 3;

/** How long the user may be kept waiting, in milliseconds. */
const SUGGESTIONS_TIMEOUT_MS = 500;

/** The command that completion scripts ask, `complete -- WORD…`: the last word is the one that is being typed, and may be empty. */
export function completeCommand(program: Command): Command {
  return new Command('complete')
    .argument('<words...>', 'what has been typed behind the name of the program')
    .action(async (words: string[]) => {
      const found = await Promise.race([suggest(program, words).catch(() => []), pause(SUGGESTIONS_TIMEOUT_MS, [])]);
      const lines = found === FILES ? '' : found.map(lineOf).join('');
      // What is still waited for is not wanted any more.
      process.stdout.write(lines, () => process.exit(found === FILES ? FILES_STATUS : 0));
    }) as Command;
}

/** A word, a tab, and what it is; no word that would be more than a line is offered. */
function lineOf({ value, about = '' }: Suggestion): string {
  if (/[\t\r\n]/.test(value)) return '';
  return about === '' ? `${value}\n` : `${value}\t${about.replace(/\s+/g, ' ')}\n`;
}

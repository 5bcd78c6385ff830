import { setTimeout as pause } from 'node:timers/promises';
import { Command } from '../command.js';
import { FILES, type Suggestion } from '../values/suggestion.js';
import { suggest } from './suggest.js';

/** Exit status that asks the shell for file names. */
export const FILES_STATUS = 3;

/** How long the user may be kept waiting, in milliseconds. */
const SUGGESTIONS_TIMEOUT_MS = 500;

/** The command that completion scripts call, `complete -- WORD…`: the last word is the one being typed, and may be empty. */
export function completeCommand(program: Command): Command {
  return new Command('complete').argument('<words...>', "what has been typed after the program's name").action(async (words: string[]) => {
    const found = await Promise.race([suggest(program, words).catch(() => []), pause(SUGGESTIONS_TIMEOUT_MS, [])]);
    const lines = found === FILES ? '' : found.map(lineOf).join('');
    // Exit without waiting for suggestions that are still pending.
    process.stdout.write(lines, () => process.exit(found === FILES ? FILES_STATUS : 0));
  }) as Command;
}

/** A word, a tab, and its description; words with tabs or line breaks are not offered. */
function lineOf({ value, about = '' }: Suggestion): string {
  if (/[\t\r\n]/.test(value)) return '';
  return about === '' ? `${value}\n` : `${value}\t${about.replace(/\s+/g, ' ')}\n`;
}

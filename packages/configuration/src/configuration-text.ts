import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileProblem } from '@nfqlb/options';
import { ConfigurationError } from './configuration-error.js';

/**
 * The text of a configuration file; `-` is standard input.
 *
 * @throws {@link ConfigurationError} when it cannot be read
 */
export async function readConfigurationText(file: string): Promise<string> {
  if (file === '-') return await text(process.stdin);
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(file, fileProblem(error), { cause: error });
  }
}

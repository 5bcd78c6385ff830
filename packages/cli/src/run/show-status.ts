import { printable } from '@nfqlb/core/explanation';
import { askAllStatuses, StatusError } from '@nfqlb/protocol/status';
import { absolutePlace } from './configuration-text.js';
import { statusAsJson, statusText } from './status-text.js';

/**
 * Prints what each running `nfqlb run` of this network namespace says of itself, or the one that follows a file.
 *
 * @throws {@link StatusError} if there is none
 */
export async function showStatus(file: string | undefined, json: boolean): Promise<void> {
  const all = (await askAllStatuses((line) => process.stderr.write(`nfqlb run: ${line}\n`))).filter((status) => status.file !== undefined);
  const shown = file === undefined ? all : all.filter((status) => status.file === absolutePlace(file));
  if (shown.length === 0) {
    const others = all.length > 0 ? `; those that run follow ${printable(all.map((status) => status.file).join(', '))}` : '';
    const where = 'in this network namespace, or it does not answer this user';
    throw new StatusError(`no nfqlb run ${file === undefined ? '' : `of ${absolutePlace(file)} `}runs ${where}${others}`);
  }
  const texts = shown.map((status) => (json ? JSON.stringify(statusAsJson(status)) : statusText(status).join('\n')));
  process.stdout.write(`${texts.join(json ? '\n' : '\n\n')}\n`);
}

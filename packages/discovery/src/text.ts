import { printable } from '@nfqlb/core/explanation';

/** Characters of a text of others in a message. */
const LONGEST = 200;

/** What a server says, for a message: one line, of any value that JSON can say. */
export function shownText(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  return printable(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text);
}

// man(7), the macros of manual pages. Text that comes from elsewhere must pass through `plain`.

/** As text: nothing in it is a macro or an escape, and dashes can be copied into a shell. */
export function plain(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    // Otherwise some terminals show typographic quotes.
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti');
  return escaped.startsWith('.') ? `\\&${escaped}` : escaped;
}

/** `mandoc -T lint` complains from 80 on, and counts 8 for a character such as …. */
const MAX_LINE = 72;

/** A paragraph of roff, broken into lines. Text is filled anyway; only a line must not begin like a macro. */
export function paragraph(text: string): string {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && Buffer.byteLength(last) + 1 + Buffer.byteLength(word) <= MAX_LINE)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word.startsWith('.') ? `\\&${word}` : word);
  }
  return lines.join('\n');
}

export const bold = (text: string): string => `\\fB${plain(text)}\\fR`;
export const italic = (text: string): string => `\\fI${plain(text)}\\fR`;

/** Prose as in the descriptions of commands: words between backquotes are commands or options. */
export function prose(text: string): string {
  const parts = text.split(/`([^`]+)`/).map((part, i) => (i % 2 === 0 ? plain(part) : bold(part)));
  return paragraph(parts.join(''));
}

/** A description as a sentence: descriptions begin with a small letter and have no full stop. */
export function sentence(text: string): string {
  const whole = text.charAt(0).toUpperCase() + text.slice(1);
  return prose(/[.!?]$/.test(whole) ? whole : `${whole}.`);
}

export function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`.SH ${/\s/.test(title) ? `"${title}"` : title}`, ...lines];
}

/** A term with a paragraph, as in a list of options; both are roff. */
export const entry = (term: string, about: string): string[] => ['.TP', term, about];

/** Lines as they are, such as examples. */
export function verbatim(text: string): string[] {
  return ['.nf', ...text.split('\n').map((line) => (line === '' ? '.sp' : plain(line))), '.fi'];
}

const SHOWN = 3;

/** The first few of them, and how many more there are. */
export function few(lines: readonly string[]): string {
  return `${lines.slice(0, SHOWN).join('; ')}${lines.length > SHOWN ? ` and ${lines.length - SHOWN} more` : ''}`;
}

// Compares what a page shows below a command with what the command printed. `…` in the page stands for any text within a line, and a line `…` for
// any number of lines.

/** What differs from run to run, and what stands for it on both sides. */
const ALWAYS: readonly (readonly [RegExp, string])[] = [
  [/\b(pid|port)([ =])\d+/g, '$1$2N'],
  [/\b[\da-f]{2}(?::[\da-f]{2}){5}\b/g, 'MAC'],
  [/\b\d\d:\d\d:\d\d(?:\.\d+)?\b/g, 'TIME'],
  // Kernel version, as doctor prints it.
  [/\(\d+\.\d+\.\d+[-.\w]*\)/g, '(KERNEL)'],
  [/\b\d+(?:\.\d+)? ?(?:ms|µs)\b/g, 'DURATION'],
  [/\b(packets\/s|bits\/s|busy)=[\d.]+%?/g, '$1=RATE'],
  // sim, on stderr.
  [/\n*^replayed in [\d.]+ s: .*$/gm, ''],
  // Neighbours are asked anew after a while.
  [/\b(?:REACHABLE|STALE|DELAY|PROBE)\b/g, 'KNOWN'],
];

/** @param varies what differs in addition, on this page */
export function normalized(text: string, varies: readonly RegExp[]): string {
  let result = text.replace(/[ \t]+$/gm, '').replace(/\n+$/, '');
  for (const pattern of varies) result = result.replace(pattern, '…');
  for (const [pattern, name] of ALWAYS) result = result.replace(pattern, name);
  return result;
}

/** Whether `actual` is what the page shows; both normalized. */
export function matches(shown: string, actual: string): boolean {
  const pattern = shown
    .split('\n')
    .map((line) => (line === '…' ? '(?:.*\\n)*?' : `${line.split('…').map(literally).join('.*')}\\n`))
    .join('');
  return new RegExp(`^${pattern}$`).test(`${actual}\n`);
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

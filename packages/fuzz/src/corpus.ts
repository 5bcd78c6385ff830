// Inputs that are kept, one a line, in Base64: a file for each target. Lines that begin with # say what follows.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

export function readCorpus(file: string): Uint8Array[] {
  if (!existsSync(file)) return [];
  return linesOf(file)
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => Buffer.from(line, 'base64'));
}

/** Replaces what is behind the line `# found`: what comes before it was put there by hand. */
export function writeCorpus(file: string, inputs: readonly Uint8Array[]): void {
  const lines = existsSync(file) ? linesOf(file) : [];
  const found = lines.indexOf(FOUND);
  const own = found < 0 ? lines.filter((line) => line !== '') : lines.slice(0, found);
  const known = new Set(own);
  const texts = inputs.map((input) => Buffer.from(input).toString('base64')).filter((text) => text !== '' && !known.has(text));
  writeFileSync(file, [...own, FOUND, ...texts.sort(), ''].join('\n'));
}

const FOUND = '# found';

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n');
}

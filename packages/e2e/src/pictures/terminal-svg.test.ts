import { expect, test } from 'vitest';
import { terminalSvg } from './terminal-svg.js';

const TEXT = { title: 'A <title>', description: 'This & that' };

/** The picture’s `rect` and `text` elements behind the background. */
const elements = (...lines: readonly string[]): string[] =>
  terminalSvg(lines, 80, TEXT)
    .split('\n')
    .filter((line) => /^<(rect|text)/.test(line))
    .slice(1);

test('has a title, a description and its own background', () => {
  const svg = terminalSvg(['a'], 80, TEXT);
  expect(svg).toContain('<title id="title">A &lt;title&gt;</title>\n<desc id="desc">This &amp; that</desc>\n<rect width="704" height="50"');
});

test('keeps columns, whatever the width of the font', () => {
  const [a, b] = elements('abc  \x1b[1mde\x1b[0m') as [string, string];
  expect(a).toBe('<text x="16" y="30" textLength="42" lengthAdjust="spacingAndGlyphs">abc  </text>');
  expect(b).toBe('<text x="58" y="30" textLength="16.8" lengthAdjust="spacingAndGlyphs" font-weight="bold">de</text>');
});

test('counts characters, not UTF-16 code units', () => {
  expect(elements('𝑥█')[0]).toContain('textLength="16.8"');
});

test('swaps colours of reversed text', () => {
  expect(elements('\x1b[7mTARGET\x1b[0m')).toEqual([
    '<rect x="16" y="16" width="50.4" height="18" fill="#e6edf3"/>',
    '<text x="16" y="30" textLength="50.4" lengthAdjust="spacingAndGlyphs" fill="#0d1117">TARGET</text>',
  ]);
});

test('has colours of text and background', () => {
  expect(elements('\x1b[31;42mred')).toEqual([
    '<rect x="16" y="16" width="25.2" height="18" fill="rgb(0, 187, 0)"/>',
    '<text x="16" y="30" textLength="25.2" lengthAdjust="spacingAndGlyphs" fill="rgb(187, 0, 0)">red</text>',
  ]);
});

test('has a row for each line, and no element for an empty one', () => {
  expect(elements('', '  ', 'a & b')).toEqual(['<text x="16" y="66" textLength="42" lengthAdjust="spacingAndGlyphs">a &amp; b</text>']);
});

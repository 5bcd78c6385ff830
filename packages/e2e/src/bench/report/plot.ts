// Plots as SVG files, which are shown on light and on dark pages: no ground, and a gray that can be read on both.

import type { Spread } from '../statistics.js';

const WIDTH = 720;
const FONT = 'system-ui, -apple-system, &quot;Segoe UI&quot;, &quot;DejaVu Sans&quot;, sans-serif';
/** At least 3.8:1 on white and on #0d1117. */
const GRAY = '#7d8590';

export interface Bar {
  readonly name: string;
  readonly color: string;
  readonly spread: Spread;
  /** The median with its range, as the table has it. */
  readonly label: string;
}

const BAR = { height: 20, gap: 10, names: 190, labels: 170, top: 30 };

/** A bar for each, with a line from the slowest round to the fastest. */
export function bars(title: string, list: readonly Bar[]): string {
  const most = Math.max(...list.map(({ spread }) => spread.most), Number.MIN_VALUE);
  const x = (value: number): number => BAR.names + (value / most) * (WIDTH - BAR.names - BAR.labels);
  const height = BAR.top + list.length * (BAR.height + BAR.gap);
  const parts = list.map(({ name, color, spread, label }, i) => {
    const y = BAR.top + i * (BAR.height + BAR.gap);
    const middle = y + BAR.height / 2;
    return [
      text(BAR.names - 8, middle + 5, name, 'end'),
      `<rect x="${BAR.names}" y="${y}" width="${px(x(spread.median) - BAR.names)}" height="${BAR.height}" rx="2" fill="${color}"/>`,
      `<path d="M${px(x(spread.least))} ${middle}H${px(x(spread.most))}" stroke="${GRAY}" stroke-width="2"/>`,
      text(x(spread.most) + 8, middle + 5, label),
    ].join('\n');
  });
  return svg(height, title, [text(0, 16, title), ...parts]);
}

export interface Point {
  /** Below the axis. */
  readonly label: string;
  readonly spread: Spread;
}

const CURVE = { height: 200, left: 60, right: 40, top: 40, bottom: 30 };

/** A line through the medians, in a band from the least to the most; the points are equally far apart, whatever they stand for. */
export function curve(title: string, unit: string, color: string, points: readonly Point[]): string {
  const most = ceiling(Math.max(...points.map(({ spread }) => spread.most)));
  const bottom = CURVE.top + CURVE.height;
  const step = (WIDTH - CURVE.left - CURVE.right) / Math.max(1, points.length - 1);
  const at = (i: number, value: number): string => `${px(CURVE.left + i * step)} ${px(bottom - (value / most) * CURVE.height)}`;
  const band = [
    ...points.map(({ spread }, i) => at(i, spread.most)),
    ...points.map(({ spread }, i) => at(i, spread.least)).toReversed(),
  ].join('L');
  const lines = [0, 0.25, 0.5, 0.75, 1].map((part) => {
    const y = bottom - part * CURVE.height;
    return `<path d="M${CURVE.left} ${y}H${WIDTH - CURVE.right}" stroke="${GRAY}" stroke-opacity="0.3"/>\n${text(CURVE.left - 8, y + 5, `${most * part}`, 'end')}`;
  });
  return svg(bottom + CURVE.bottom, title, [
    text(0, 16, `${title} (${unit})`),
    ...lines,
    `<path d="M${band}Z" fill="${color}" fill-opacity="0.25"/>`,
    `<path d="M${points.map(({ spread }, i) => at(i, spread.median)).join('L')}" fill="none" stroke="${color}" stroke-width="2"/>`,
    ...points.map(({ label }, i) => text(CURVE.left + i * step, bottom + 20, label, 'middle')),
  ]);
}

/** A round number that is not below: 1, 2, 4 or 8 times a power of ten. */
function ceiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1e-9)));
  return [1, 2, 4, 8, 10].map((factor) => factor * power).find((round) => round >= value)!;
}

function svg(height: number, title: string, parts: readonly string[]): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img">
<title>${escaped(title)}</title>
<g font-family="${FONT}" font-size="14" fill="${GRAY}">
${parts.join('\n')}
</g>
</svg>
`;
}

function text(x: number, y: number, words: string, anchor = 'start'): string {
  return `<text x="${px(x)}" y="${px(y)}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

/** Tenths of a pixel are enough. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

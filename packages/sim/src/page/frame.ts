import type { Unit } from '../report/report-document.js';
import { svg } from './element.js';
import { ticks, tickText } from './numbers.js';

/** Space around the lines of a plot, in pixels: for the numbers of its axes. */
const LEFT = 48;
const RIGHT = 12;
const TOP = 18;
const BOTTOM = 24;

/** The drawing of a plot: its axes, and where values are in it. */
export interface PlotFrame {
  readonly drawing: SVGSVGElement;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  /** Vertical place of a value. */
  readonly y: (value: number) => number;
}

/** @param max the highest value that is shown */
export function plotFrame(width: number, height: number, max: number, unit: Unit, label: string): PlotFrame {
  const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': label, tabindex: 0 });
  const values = ticks(max, 5);
  const [bottom, top] = [height - BOTTOM, TOP];
  const highest = values.at(-1)!;
  const y = (value: number): number => bottom - ((bottom - top) * value) / highest;
  for (const value of values) {
    drawing.append(
      svg('line', { class: value === 0 ? 'axis' : 'grid', x1: LEFT, x2: width - RIGHT, y1: y(value), y2: y(value) }),
      svg('text', { x: LEFT - 6, y: y(value) + 4, 'text-anchor': 'end' }, tickText(value, unit)),
    );
  }
  return { drawing, left: LEFT, right: width - RIGHT, top, bottom, y };
}

/** Class of the colour of a line: eight can be told apart. */
export function colourOf(i: number): string {
  return i < 8 ? `colour-${i + 1}` : 'colour-more';
}

/** Calls `draw` with the width of a plot in pixels, now and whenever it changes. */
export function drawToWidth(plot: HTMLElement, draw: (width: number) => void): void {
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.round(plot.clientWidth);
    if (width === drawn || width === 0) return;
    drawn = width;
    draw(width);
  }).observe(plot);
}

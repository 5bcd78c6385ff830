import type { Line, LinePlot } from '../report/report-document.js';
import { html, svg } from './element.js';
import { colourOf, drawToWidth, type PlotFrame, plotFrame } from './frame.js';
import { seconds, shown, ticks, tickText } from './numbers.js';

const HEIGHT = 280;
/** Lines in the box at the pointer; those with the highest values. */
const MOST_IN_TIP = 12;

/** Lines over time, or areas on top of each other, with the values at the pointer. */
export function linePlot(data: LinePlot): HTMLElement {
  const plot = html('div', { class: 'plot' });
  const tip = html('div', { class: 'tip', hidden: '', role: 'status' });
  drawToWidth(plot, (width) => {
    const drawn = new DrawnLines(data, width);
    tip.hidden = true;
    plot.replaceChildren(drawn.frame.drawing, tip);
    watchPointer(drawn, tip);
  });
  return html('div', {}, plot, legend(data), ...marks(data));
}

/** Which colour a line has. An ideal has that of its line. */
function colourOfLine(lines: readonly Line[], i: number): string {
  return colourOf(lines[i]!.idealOf ?? i);
}

class DrawnLines {
  readonly data: LinePlot;
  readonly frame: PlotFrame;
  readonly count: number;
  readonly #paths: SVGElement[] = [];
  readonly #cursor: SVGLineElement;

  constructor(data: LinePlot, width: number) {
    this.data = data;
    this.count = Math.max(1, ...data.lines.map(({ values }) => values.length));
    this.frame = plotFrame(width, HEIGHT, highest(data), data.unit, `${data.title}, over time. The values are below, as a table.`);
    this.#drawTime();
    if (data.stacked) this.#drawAreas();
    else this.#drawLines();
    this.#drawMarks();
    this.#cursor = svg('line', { class: 'cursor', y1: this.frame.top, y2: this.frame.bottom, visibility: 'hidden' });
    this.frame.drawing.append(this.#cursor);
  }

  /** Middle of an interval, in pixels. */
  x(interval: number): number {
    return this.#place(interval + 0.5);
  }

  /** The interval at a horizontal place, from 0 to 1 of the drawing's width. */
  intervalAt(part: number): number {
    const { left, right, drawing } = this.frame;
    const x = part * drawing.viewBox.baseVal.width;
    return Math.min(this.count - 1, Math.max(0, Math.floor(((x - left) / (right - left)) * this.count)));
  }

  /** Shows the cursor at an interval, or hides it. */
  point(interval: number | undefined): void {
    if (interval === undefined) this.#cursor.setAttribute('visibility', 'hidden');
    else {
      this.#cursor.setAttribute('visibility', 'visible');
      this.#cursor.setAttribute('x1', String(this.x(interval)));
      this.#cursor.setAttribute('x2', String(this.x(interval)));
    }
  }

  /** @param intervals from the beginning */
  #place(intervals: number): number {
    const { left, right } = this.frame;
    return left + ((right - left) * intervals) / this.count;
  }

  #drawTime(): void {
    const { drawing, bottom, right, left } = this.frame;
    const end = this.count * this.data.interval;
    const every = ticks(end, Math.max(2, Math.floor((right - left) / 90)));
    for (const value of every.filter((tick) => tick <= end * 1.0001)) {
      const x = this.#place(value / this.data.interval);
      drawing.append(svg('line', { class: 'axis', x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
      const anchor = x > right - 16 ? 'end' : 'middle';
      drawing.append(svg('text', { x: Math.min(x, right), y: bottom + 18, 'text-anchor': anchor }, `${tickText(value, '')} s`));
    }
  }

  #drawLines(): void {
    const { lines } = this.data;
    // The ideals below, so that they hide nothing.
    const order = lines.map((_, i) => i).sort((a, b) => Number(lines[b]!.idealOf !== undefined) - Number(lines[a]!.idealOf !== undefined));
    for (const i of order) {
      const { values, idealOf } = lines[i]!;
      const group = svg('g', { class: colourOfLine(lines, i) });
      const drawn = idealOf === undefined ? this.#curve(values) : this.#steps(values);
      group.append(svg('path', { class: idealOf === undefined ? 'line' : 'line ideal', d: drawn }));
      if (idealOf === undefined) group.append(...this.#dots(values));
      this.#add(group);
    }
  }

  #curve(values: readonly (number | null)[]): string {
    let d = '';
    values.forEach((value, i) => {
      if (value === null) return;
      const continues = i > 0 && values[i - 1] !== null;
      d += `${continues ? 'L' : 'M'}${this.x(i).toFixed(1)} ${this.frame.y(value).toFixed(1)}`;
    });
    return d;
  }

  /** Over the whole of each interval. */
  #steps(values: readonly (number | null)[]): string {
    let d = '';
    values.forEach((value, i) => {
      if (value === null) return;
      const continues = i > 0 && values[i - 1] !== null;
      const y = this.frame.y(value).toFixed(1);
      d += `${continues ? 'L' : 'M'}${this.#place(i).toFixed(1)} ${y}H${this.#place(i + 1).toFixed(1)}`;
    });
    return d;
  }

  /** A value between two gaps, which no line would show. */
  #dots(values: readonly (number | null)[]): SVGElement[] {
    const none = (i: number): boolean => (values[i] ?? null) === null;
    return values.flatMap((value, i) =>
      value !== null && none(i - 1) && none(i + 1) ? [svg('circle', { class: 'dot', cx: this.x(i), cy: this.frame.y(value), r: 2.5 })] : [],
    );
  }

  #drawAreas(): void {
    const below = new Float64Array(this.count);
    this.data.lines.forEach(({ values }, i) => {
      const { y } = this.frame;
      let [upper, lower] = ['', ''];
      values.forEach((value, at) => {
        const [from, to] = [this.#place(at).toFixed(1), this.#place(at + 1).toFixed(1)];
        const top = below[at]! + (value ?? 0);
        upper += `${at === 0 ? 'M' : 'L'}${from} ${y(top).toFixed(1)}H${to}`;
        lower = `L${to} ${y(below[at]!).toFixed(1)}H${from}${lower}`;
        below[at] = top;
      });
      this.#add(svg('path', { class: `area ${colourOf(i)}`, d: `${upper}${lower}Z` }));
    });
  }

  #drawMarks(): void {
    const { drawing, top, bottom } = this.frame;
    this.data.marks.forEach((mark, i) => {
      const x = this.#place(Math.min(this.count, mark.x / this.data.interval));
      drawing.append(
        svg('line', { class: 'mark', x1: x, x2: x, y1: top, y2: bottom }),
        svg('text', { class: 'mark-number', x, y: top - 5, 'text-anchor': 'middle' }, String(i + 1)),
      );
    });
  }

  #add(element: SVGElement): void {
    this.#paths.push(element);
    this.frame.drawing.append(element);
  }
}

function highest({ lines, stacked }: LinePlot): number {
  if (!stacked) return Math.max(0, ...lines.map(({ values }) => values.reduce<number>((max, value) => Math.max(max, value ?? 0), 0)));
  const totals = (lines[0]?.values ?? []).map((_, i) => lines.reduce((sum, { values }) => sum + (values[i] ?? 0), 0));
  return totals.reduce((max, total) => Math.max(max, total), 0);
}

/** Shows the values of the interval at the pointer, or that the arrow keys choose. */
function watchPointer(drawn: DrawnLines, tip: HTMLElement): void {
  const { drawing } = drawn.frame;
  let chosen: number | undefined;
  const choose = (interval: number | undefined): void => {
    chosen = interval;
    drawn.point(interval);
    tip.hidden = interval === undefined;
    if (interval === undefined) return;
    tip.replaceChildren(...tipOf(drawn.data, interval));
    const scale = drawing.getBoundingClientRect().width / drawing.viewBox.baseVal.width;
    const x = drawn.x(interval) * scale;
    const isLeft = x < drawing.getBoundingClientRect().width / 2;
    // CSSOM: the page's policy allows no style attributes.
    tip.style.left = isLeft ? `${x + 12}px` : '';
    tip.style.right = isLeft ? '' : `${drawing.getBoundingClientRect().width - x + 12}px`;
  };
  const follow = (event: PointerEvent): void => {
    const { left, width } = drawing.getBoundingClientRect();
    choose(drawn.intervalAt((event.clientX - left) / width));
  };
  drawing.addEventListener('pointermove', follow);
  drawing.addEventListener('pointerdown', follow);
  // A finger leaves with each tap: then the values stay until another place is tapped.
  drawing.addEventListener('pointerleave', ({ pointerType }) => {
    if (pointerType === 'mouse') choose(undefined);
  });
  drawing.addEventListener('blur', () => choose(undefined));
  drawing.addEventListener('keydown', (event) => {
    const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
    if (event.key === 'Escape') choose(undefined);
    if (step === 0) return;
    event.preventDefault();
    choose(chosen === undefined ? 0 : Math.min(drawn.count - 1, Math.max(0, chosen + step)));
  });
}

function tipOf({ lines, interval, unit, stacked }: LinePlot, at: number): HTMLElement[] {
  const real = lines.map((line, i) => ({ line, i })).filter(({ line }) => line.idealOf === undefined);
  const highestFirst = real.toSorted((a, b) => (b.line.values[at] ?? -1) - (a.line.values[at] ?? -1));
  const inTip = stacked || real.length > MOST_IN_TIP ? highestFirst.slice(0, MOST_IN_TIP) : real;
  const rows = inTip.map(({ line, i }) => {
    const ideal = lines.find(({ idealOf }) => idealOf === i);
    const cells = [
      html('td', {}, html('i', { class: colourOf(i) }), line.name),
      html('td', {}, shown(line.values[at] ?? null, unit)),
      ...(line.counts ? [html('td', {}, shown(line.counts[at] ?? 0, ''))] : []),
      ...(lines.length > real.length ? [html('td', { class: 'soft' }, shown(ideal?.values[at] ?? null, unit))] : []),
    ];
    return html('tr', {}, ...cells);
  });
  const more = real.length - inTip.length;
  return [
    html('strong', {}, `${seconds(at * interval, interval)} to ${seconds((at + 1) * interval, interval)}`),
    html('table', {}, ...rows),
    ...(more > 0 ? [html('div', { class: 'soft' }, `and ${more} more, below`)] : []),
  ];
}

function legend({ lines }: LinePlot): HTMLElement {
  const real = lines.map((line, i) => ({ line, i })).filter(({ line }) => line.idealOf === undefined);
  const coloured = real.slice(0, 8).map(({ line, i }) => html('li', { class: colourOf(i) }, line.name));
  const more = real.length > 8 ? [html('li', { class: 'colour-more' }, `${real.length - 8} more`)] : [];
  const ideal = lines.length > real.length ? [html('li', { class: 'no-colour' }, 'ideal')] : [];
  return html('ul', { class: 'legend' }, ...coloured, ...more, ...ideal);
}

function marks({ marks, interval }: LinePlot): HTMLElement[] {
  if (marks.length === 0) return [];
  const items = marks.map(({ x, text }, i) => html('li', {}, html('strong', {}, `${i + 1}`), ` at ${seconds(x, interval)}: ${text}`));
  return [html('ul', { class: 'marks' }, ...items)];
}

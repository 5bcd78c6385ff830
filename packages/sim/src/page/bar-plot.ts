import type { BarPlot } from '../report/report-document.js';
import { html, svg } from './element.js';
import { colourOf, drawToWidth, plotFrame } from './frame.js';
import { shown } from './numbers.js';

const HEIGHT = 240;
/** A group's name is drawn if it has so many pixels for each of its characters; otherwise only its number. */
const CHARACTER = 6.5;
/** Widest bar, in pixels. */
const WIDEST = 56;

/** Groups of bars. */
export function barPlot(data: BarPlot): HTMLElement {
  const plot = html('div', { class: 'plot' });
  // The names of the groups, for when there is no room for them in the drawing.
  const names = html('ol', { class: 'marks numbered', hidden: '' }, ...data.groups.map((group) => html('li', {}, group)));
  drawToWidth(plot, (width) => {
    const fits = data.groups.every(({ length }) => length * CHARACTER * data.groups.length < width - 80);
    names.hidden = fits;
    plot.replaceChildren(drawing(data, width, fits));
  });
  const legend = data.bars.map(({ name }, i) => html('li', { class: colourOf(i) }, name));
  return html('div', {}, plot, html('ul', { class: 'legend' }, ...legend), names);
}

function drawing({ title, unit, groups, bars }: BarPlot, width: number, namesFit: boolean): SVGSVGElement {
  const max = Math.max(0, ...bars.flatMap(({ values }) => values));
  const { drawing, left, right, y, bottom } = plotFrame(width, HEIGHT, max, unit, `${title}. The values are below, as a table.`);
  const each = (right - left) / Math.max(1, groups.length);
  const barWidth = Math.min(WIDEST, (each * 0.7) / bars.length);
  groups.forEach((group, g) => {
    const middle = left + each * (g + 0.5);
    bars.forEach(({ name, values }, b) => {
      const value = values[g]!;
      const x = middle + (b - bars.length / 2) * barWidth;
      const bar = svg('rect', { class: `bar ${colourOf(b)}`, x, y: y(value), width: Math.max(1, barWidth - 2), height: bottom - y(value) });
      bar.append(svg('title', {}, `${group}: ${name} ${shown(value, unit)}`));
      drawing.append(bar);
      if (barWidth > 44) drawing.append(svg('text', { x: x + barWidth / 2, y: y(value) - 4, 'text-anchor': 'middle' }, shown(value, unit)));
    });
    drawing.append(svg('text', { x: middle, y: bottom + 18, 'text-anchor': 'middle' }, namesFit ? group : String(g + 1)));
  });
  return drawing;
}

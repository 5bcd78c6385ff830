import type { BarPlot, Facts, LinePlot, Part, ReportDocument, Table } from '../report/report-document.js';
import { barPlot } from './bar-plot.js';
import { dataTable } from './data-table.js';
import { html } from './element.js';
import { linePlot } from './line-plot.js';

/** The parts of a report, in order, and what follows them. */
export function showReport({ title, subtitle, program, parts }: ReportDocument, ...more: readonly HTMLElement[]): HTMLElement[] {
  return [
    html('header', {}, html('h1', {}, title), html('p', { class: 'soft' }, subtitle)),
    ...parts.map(showPart),
    ...more,
    html('footer', { class: 'soft' }, `Made by ${program}.`),
  ];
}

function showPart(part: Part): HTMLElement {
  switch (part.kind) {
    case 'facts':
      return section(part, facts(part));
    case 'warning':
      return html('section', { class: 'warning', role: 'alert' }, part.text);
    case 'lines':
      return section(part, linePlot(part), values(tableOfLines(part)));
    case 'bars':
      return section(part, barPlot(part), values(tableOfBars(part)));
    case 'table':
      return section(part, dataTable(part));
  }
}

function section({ title, note }: { readonly title?: string; readonly note?: string }, ...content: readonly HTMLElement[]): HTMLElement {
  const heading = [
    ...(title === undefined ? [] : [html('h2', {}, title)]),
    ...(note === undefined ? [] : [html('p', { class: 'soft' }, note)]),
  ];
  return html('section', {}, ...heading, ...content);
}

function facts({ facts }: Facts): HTMLElement {
  return html('dl', { class: 'facts' }, ...facts.map(({ name, value }) => html('div', {}, html('dt', {}, name), html('dd', {}, value))));
}

/** A plot's values as a table, for those who cannot see it or want to copy it; made when it is opened. */
function values(table: Pick<Table, 'columns' | 'rows'>): HTMLElement {
  const details = html('details', { class: 'screen-only' }, html('summary', {}, 'Values'));
  details.addEventListener('toggle', () => details.append(dataTable(table)), { once: true });
  return details;
}

function tableOfLines({ lines, interval, unit }: LinePlot): Pick<Table, 'columns' | 'rows'> {
  const counted = lines.filter(({ counts }) => counts);
  const count = Math.max(0, ...lines.map(({ values }) => values.length));
  const type = unit === '%' ? '%' : 'number';
  return {
    columns: [
      { name: 'seconds', type: 'number' },
      ...lines.map(({ name }) => ({ name, type }) as const),
      ...counted.map(({ name }) => ({ name: `${name}, packets`, type: 'number' }) as const),
    ],
    rows: Array.from({ length: count }, (_, i) => [
      Number((i * interval).toPrecision(12)),
      ...lines.map(({ values }) => values[i] ?? null),
      ...counted.map(({ counts }) => counts![i] ?? 0),
    ]),
  };
}

function tableOfBars({ groups, bars, unit }: BarPlot): Pick<Table, 'columns' | 'rows'> {
  const type = unit === '%' ? '%' : 'number';
  return {
    columns: [{ name: '', type: 'text' }, ...bars.map(({ name }) => ({ name, type }) as const)],
    rows: groups.map((group, i) => [group, ...bars.map(({ values }) => values[i]!)]),
  };
}

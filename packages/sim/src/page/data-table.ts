import type { Table } from '../report/report-document.js';
import { html } from './element.js';
import { shown } from './numbers.js';

type Rows = Table['rows'];

/** A table that is sorted by a column when its heading is clicked: first as numbers want it, the highest first. */
export function dataTable({ columns, rows }: Pick<Table, 'columns' | 'rows'>): HTMLElement {
  const body = html('tbody');
  const show = (sorted: Rows): void =>
    body.replaceChildren(
      ...sorted.map((row) =>
        html(
          'tr',
          {},
          ...row.map((value, i) => html('td', columns[i]!.type === 'text' ? { class: 'text' } : {}, cell(value, columns[i]!))),
        ),
      ),
    );
  const headings = columns.map(({ name, type }) =>
    html('th', { scope: 'col', ...(type === 'text' && { class: 'text' }) }, html('button', { type: 'button' }, name)),
  );
  headings.forEach((heading, column) => {
    heading.firstElementChild!.addEventListener('click', () => {
      const first = columns[column]!.type === 'text' ? 'ascending' : 'descending';
      const other = first === 'ascending' ? 'descending' : 'ascending';
      const order = heading.getAttribute('aria-sort') === first ? other : first;
      for (const each of headings) each.removeAttribute('aria-sort');
      heading.setAttribute('aria-sort', order);
      show(sortedBy(rows, column, order === 'ascending' ? 1 : -1));
    });
  });
  show(rows);
  return html('div', { class: 'scroll', tabindex: 0 }, html('table', {}, html('thead', {}, html('tr', {}, ...headings)), body));
}

/** Rows without a value come last. */
function sortedBy(rows: Rows, column: number, direction: 1 | -1): Rows {
  return rows.toSorted((one, other) => {
    const [a, b] = [one[column] ?? null, other[column] ?? null];
    if (a === null || b === null) return Number(a === null) - Number(b === null);
    if (typeof a === 'number' && typeof b === 'number') return direction * (a - b);
    return direction * String(a).localeCompare(String(b), 'en', { numeric: true });
  });
}

function cell(value: string | number | null, { type, name }: Table['columns'][number]): string {
  if (typeof value === 'string') return value;
  // Names of targets are numbers, but nobody counts with them.
  if (value !== null && (name === 'target' || name === 'load balancer')) return String(value);
  return shown(value, type === '%' ? '%' : '');
}

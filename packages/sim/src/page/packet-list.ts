import { html } from './element.js';
import { PAGE, type PacketPages } from './packet-pages.js';

/** Fields of a record (docs/replay.md), in the order of the columns. */
const COLUMNS = [
  'n',
  'time',
  'verdict',
  'fwmark',
  'reason',
  'kind',
  'src',
  'sport',
  'dst',
  'dport',
  'proto',
  'flow',
  'bucket',
  'hash',
  'reinjected',
];
const NUMBERS = ['n', 'time', 'fwmark', 'sport', 'dport', 'proto', 'bucket', 'hash'];

/** The decided packets, page by page: go to a frame, or look for a text. */
export function packetList(packets: PacketPages): HTMLElement {
  const body = html('tbody');
  const status = html('span', { role: 'status' });
  const show = (records: readonly string[], text: string): void => {
    body.replaceChildren(...records.map(row));
    status.textContent = text;
  };

  let shown = 0;
  const goTo = async (page: number): Promise<void> => {
    shown = Math.min(packets.pages - 1, Math.max(0, page));
    const records = packets.count === 0 ? [] : await packets.page(shown);
    const begin = shown * PAGE;
    show(
      records,
      `${(begin + 1).toLocaleString('en-US')} to ${(begin + records.length).toLocaleString('en-US')} of ${packets.count.toLocaleString('en-US')}`,
    );
  };
  const find = async (text: string): Promise<void> => {
    if (text === '') return await goTo(shown);
    status.textContent = 'searching …';
    const { found, count } = await packets.search(text);
    show(found, `${count.toLocaleString('en-US')} found${count > found.length ? `; these are the first ${PAGE}` : ''}`);
  };

  const frame = html('input', { type: 'number', min: 1, 'aria-label': 'frame number', placeholder: 'frame' });
  frame.addEventListener('change', () => void goTo(packets.pageOf(frame.valueAsNumber)));
  const search = html('input', { type: 'search', 'aria-label': 'text to look for', placeholder: 'no-flow, 10.0.0.1, …' });
  search.addEventListener('change', () => void find(search.value));
  const bar = html(
    'div',
    { class: 'bar' },
    button('First', () => goTo(0)),
    button('Previous', () => goTo(shown - 1)),
    button('Next', () => goTo(shown + 1)),
    button('Last', () => goTo(packets.pages - 1)),
    frame,
    search,
    status,
  );
  void goTo(0);
  const headings = COLUMNS.map((name) => html('th', { scope: 'col', ...(!NUMBERS.includes(name) && { class: 'text' }) }, name));
  const table = html(
    'div',
    { class: 'scroll packets', tabindex: 0 },
    html('table', {}, html('thead', {}, html('tr', {}, ...headings)), body),
  );
  return html('section', { class: 'screen-only' }, html('h2', {}, 'Packets'), bar, table, download(packets));
}

function row(record: string): HTMLElement {
  const fields = JSON.parse(record) as Record<string, string | number | boolean | null>;
  const cells = COLUMNS.map((name) => html('td', NUMBERS.includes(name) ? {} : { class: 'text' }, String(fields[name] ?? '')));
  return html('tr', {}, ...cells);
}

function button(text: string, act: () => Promise<void>): HTMLElement {
  const made = html('button', { type: 'button' }, text);
  made.addEventListener('click', () => void act());
  return made;
}

/** Saves all records, as `--json` does. */
function download(packets: PacketPages): HTMLElement {
  const link = html('a', { download: 'decisions.jsonl', href: URL.createObjectURL(packets.all) }, 'Save all as JSON lines');
  return html('p', {}, link);
}

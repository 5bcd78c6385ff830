// The script of the page. It works alone, without a network.
//
// The report that it contains, if any, comes first; then a place for captures, which are replayed here, and whose report replaces it.
import type { ReportDocument } from '../report/report-document.js';
import { VERSION } from '../version.js';
import { dropZone } from './drop-zone.js';
import { html } from './element.js';
import { packetList } from './packet-list.js';
import type { ReplayedFile } from './replayed-file.js';
import { showReport } from './show-report.js';

const main = document.getElementById('main')!;
const report = html('div');
const zone = dropZone(VERSION, showReplayed);
const text = document.getElementById('report')!.textContent!;
if (text === '') main.append(html('header', {}, html('h1', {}, 'What would the load balancer do?')), zone, report);
else {
  show(JSON.parse(text) as ReportDocument);
  main.append(report, zone);
}

function show(document_: ReportDocument, ...more: readonly HTMLElement[]): void {
  document.title = `${document_.title} – nfqlb-sim`;
  report.replaceChildren(...showReport(document_, ...more));
}

function showReplayed({ report: replayed, packets }: ReplayedFile): void {
  show(replayed, packetList(packets));
  // Beside it no title is needed, and the next capture goes where the last one did.
  document.querySelector('header h1')?.scrollIntoView({ block: 'start' });
}

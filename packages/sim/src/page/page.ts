// The script of the page. It works alone, without a network.
import type { ReportDocument } from '../report/report-document.js';
import { showReport } from './show-report.js';

const main = document.getElementById('main')!;
const text = document.getElementById('report')!.textContent!;
if (text !== '') {
  const report = JSON.parse(text) as ReportDocument;
  document.title = `${report.title} – nfqlb-sim`;
  main.append(...showReport(report));
}

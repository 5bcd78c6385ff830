import { readFileSync } from 'node:fs';
import { OutputFile } from '../output-file.js';
import type { ReportDocument } from './report-document.js';

/** The page (src/page/), made by scripts/bundle.mjs, beside this program. */
const PAGE = new URL('./page.html', import.meta.url);
/** Where a report goes in it. */
const PLACE = '<script type="application/json" id="report">';

/**
 * Writes a page that shows a report, and replays captures that are dropped on it. Without a report it only does that.
 *
 * @param path as of {@link OutputFile}
 */
export function writePage(path: string, report?: ReportDocument): void {
  const page = readFileSync(PAGE, 'utf8');
  const at = page.indexOf(PLACE);
  if (at < 0) throw new Error('page.html has no place for a report');
  // In a script, only `</script` and `<!--` mean anything to HTML.
  const data = report === undefined ? '' : JSON.stringify(report).replaceAll('<', '\\u003c');
  const file = new OutputFile(path);
  const end = at + PLACE.length;
  file.write(Buffer.from(`${page.slice(0, end)}${data}${page.slice(end)}`));
  file.close();
}

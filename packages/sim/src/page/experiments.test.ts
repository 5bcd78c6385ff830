import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { asNumber, cellsOf, openPage, startBrowser } from '../testing/browser.js';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

const WEB = fileURLToPath(new URL('../../captures/web-and-dns.pcap', import.meta.url));

let folder: string;
let sim: (args: readonly string[]) => Outcome;
let browser: Browser;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-experiments-'));
  sim = bundledProgram(folder);
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

type Line = Readonly<Record<string, unknown>>;

/** Runs an experiment; returns the lines of its `--json`, and the cells of a table of its report, without the headings. */
async function compared(title: string, ...args: string[]): Promise<{ lines: Line[]; rows: string[][] }> {
  const report = join(folder, 'report.html');
  const { status, stdout } = sim([...args, '--json', `--report=${report}`]);
  expect(status).toBe(0);
  const { page, complaints } = await openPage(browser, report);
  await page.locator('svg').first().waitFor();
  const [, ...rows] = await cellsOf(page, title);
  expect(complaints).toEqual([]);
  await page.close();
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  return { lines, rows };
}

test('maglev: the tables of each way to hash', async () => {
  const { lines, rows: all } = await compared('Tables', 'maglev', '--compare', '--loops=2');
  const [ideal, ...rows] = all;
  expect(ideal![0]).toBe('ideal');
  expect(asNumber(ideal![3]!)).toBe(lines[0]!.idealMax);
  expect(asNumber(ideal![6]!)).toBeCloseTo(100 * (lines[0]!.idealChanged as number), 2);
  expect(rows.map(([method]) => method)).toEqual(lines.map(({ method }) => method));
  expect(rows.map(([, , fewest, most]) => [asNumber(fewest!), asNumber(most!)])).toEqual(lines.map(({ min, max }) => [min, max]));
  rows.forEach(([, , , , variation, over, moved, disrupted], i) => {
    const { variation: v, overProvisioning: o, changed: c, disrupted: d } = lines[i] as Record<string, number>;
    const parts = [v, o, c, d];
    for (const [field, shown] of [variation, over, moved, disrupted].entries())
      expect(asNumber(shown!)).toBeCloseTo(100 * parts[field]!, 2);
  });
});

test('fragtable: its runs', async () => {
  const { lines, rows } = await compared(
    'Runs',
    'fragtable',
    '--rate=2500',
    '--duration=5',
    '--ft_size=499',
    '--ft_buckets=100',
    '--repeat=3',
  );
  expect(rows.map((row) => row.map(asNumber))).toEqual(lines.map((line) => Object.values(line)));
});

test('tier: what broke, by cause', async () => {
  const { lines, rows } = await compared('By cause', 'tier', WEB, '--lbs=3', '--permutation=nfqlb', '--order=different');
  const expected = ['connections', 'fragment trains', 'ICMP errors'].flatMap((subject) => {
    const { seen, byCause } = lines[0]![subject] as { seen: number; byCause: Record<string, number> };
    const causes = Object.entries(byCause);
    return causes.length === 0 ? [[subject, seen, 0, '–']] : causes.map(([cause, count]) => [subject, seen, count, cause]);
  });
  expect(expected.length).toBeGreaterThan(2);
  expect(rows.map(([subject, seen, broken, cause]) => [subject, asNumber(seen!), asNumber(broken!), cause])).toEqual(expected);
});

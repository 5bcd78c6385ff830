import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TargetTable } from '@nfqlb/core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { asNumber, cellsOf, openPage, startBrowser } from '../testing/browser.js';
import { bundledProgram } from '../testing/bundled-program.js';

interface Decided {
  readonly time: string;
  readonly verdict: string;
  readonly fwmark: number | null;
  readonly reason: string;
}

const AT = ['--at=0.2:deactivate 102', '--at=0.35:activate --weight=3 105'];

let folder: string;
let browser: Browser;
let report: string;
let records: Decided[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-report-'));
  const sim = bundledProgram(folder);
  const [capture, json] = [join(folder, 'traffic.pcap'), join(folder, 'decisions.jsonl')];
  report = join(folder, 'report.html');
  const generated = sim(['generate', capture, '--packets=20000', '--rate=40000', '--fragments=30', '--attack=10', '--errors=2']);
  expect(generated.status, generated.stderr).toBe(0);
  const { status, stderr } = sim(['replay', capture, '--targets=101,102,103:2', ...AT, `--json=${json}`, `--report=${report}`]);
  expect({ status, warned: stderr.includes('warning') }, stderr).toEqual({ status: 0, warned: false });
  records = readFileSync(json, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Decided);
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

function countBy<Key>(of: readonly Decided[], key: (record: Decided) => Key): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const record of of) counts.set(key(record), (counts.get(key(record)) ?? 0) + 1);
  return counts;
}

const accepted = (): Decided[] => records.filter(({ verdict }) => verdict === 'accept');

/** All values of a plot: rows of numbers, by name of the column. */
async function valuesOf(page: Page, title: string): Promise<Map<string, number>[]> {
  const section = page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) });
  await section.getByText('Values', { exact: true }).click();
  await section.locator('details table').waitFor();
  const [headings, ...rows] = await cellsOf(page, title);
  return rows.map((row) => new Map(row.map((cell, i) => [headings![i]!, asNumber(cell)])));
}

describe('the numbers are those of --json', () => {
  test('of targets and reasons, altogether', async () => {
    const { page, complaints } = await openPage(browser, report);
    const [, ...targets] = await cellsOf(page, 'Targets');
    const expected = countBy(accepted(), ({ fwmark }) => fwmark);
    const shown = targets.map(([target, packets]) => [Number(target), asNumber(packets!)] as const);
    expect(new Map(shown)).toEqual(expected);
    for (const [target, packets, , , share] of targets) {
      expect(asNumber(share!)).toBeCloseTo((100 * expected.get(Number(target))!) / accepted().length, 2);
      expect(asNumber(packets!)).toBeGreaterThan(0);
    }
    const [, ...reasons] = await cellsOf(page, 'Reasons');
    expect(new Map(reasons.map(([reason, decisions]) => [reason, asNumber(decisions!)]))).toEqual(countBy(records, ({ reason }) => reason));
    const dropped = countBy(
      records.filter(({ verdict }) => verdict === 'drop'),
      ({ reason }) => reason,
    );
    expect(dropped.size).toBeGreaterThan(0);
    const drops = reasons.map(([reason, , count]) => [reason!, asNumber(count!)] as const);
    expect(new Map(drops.filter(([, count]) => count !== 0))).toEqual(dropped);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('of every interval', async () => {
    const { page, complaints } = await openPage(browser, report);
    const shares = await valuesOf(page, 'Share of each target');
    const reasons = await valuesOf(page, 'Packets by reason');
    const interval = shares[1]!.get('seconds')!;
    expect(shares.length).toBeGreaterThan(16);
    expect(shares.length).toBe(reasons.length);
    shares.forEach((row, i) => {
      const here = records.filter(({ time }) => Math.floor(Number(time) / interval) === i);
      const toTargets = here.filter(({ verdict }) => verdict === 'accept');
      const counts = countBy(toTargets, ({ fwmark }) => fwmark);
      for (const target of [101, 102, 103, 105]) {
        expect(row.get(`${target}, packets`)).toBe(counts.get(target) ?? 0);
        const share = row.get(`${target}`)!;
        if (Number.isNaN(share)) expect(counts.has(target)).toBe(false);
        else expect(share).toBeCloseTo((100 * (counts.get(target) ?? 0)) / toTargets.length, 1);
      }
      for (const [reason, count] of countBy(here, ({ reason }) => reason)) expect(reasons[i]!.get(reason)).toBe(count);
    });
    // Before the first change weights are 1, 1 and 2; after the second 1, 2 and 3.
    expect([...shares[0]!].filter(([name]) => name.endsWith('ideal'))).toEqual([
      ['101, ideal', 25],
      ['102, ideal', 25],
      ['103, ideal', 50],
      ['105, ideal', Number.NaN],
    ]);
    expect(shares.at(-1)!.get('105, ideal')).toBeCloseTo(50, 2);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test('at the pointer, and where the arrow keys lead', async () => {
    const { page } = await openPage(browser, report);
    const rows = await valuesOf(page, 'Share of each target');
    const plot = page.getByRole('img', { name: /^Share of each target/ });
    await plot.scrollIntoViewIfNeeded();
    const box = (await plot.boundingBox())!;
    const tip = page.locator('.tip').first();
    expect(await tip.isVisible()).toBe(false);
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const shown = async (): Promise<{ begin: number; cells: number[][] }> => ({
      begin: asNumber((await tip.locator('strong').textContent())!),
      cells: await tip
        .locator('tr')
        .evaluateAll((all) =>
          all.map((row) => [...row.children].map((cell) => Number.parseFloat((cell.textContent ?? '').replaceAll(',', '')))),
        ),
    });
    const expected = (row: Map<string, number>): number[][] =>
      [101, 102, 103, 105].map((target) => [target, row.get(`${target}`)!, row.get(`${target}, packets`)!, row.get(`${target}, ideal`)!]);
    const { begin, cells } = await shown();
    const at = rows.findIndex((row) => Math.abs(row.get('seconds')! - begin) < rows[1]!.get('seconds')! / 2);
    expect(at).toBeGreaterThan(rows.length / 4);
    expect(cells).toEqual(expected(rows[at]!));
    await page.mouse.move(0, 0);
    expect(await tip.isVisible()).toBe(false);
    await plot.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect((await shown()).cells).toEqual(expected(rows[1]!));
    await page.close();
  });
});

test('the disruption is that of the tables before and after each change', async () => {
  const { page } = await openPage(browser, report);
  const [, ...changes] = await cellsOf(page, 'Changes');
  const stages = [
    [{ fwmark: 101 }, { fwmark: 102 }, { fwmark: 103, weight: 2 }],
    [{ fwmark: 101 }, { fwmark: 103, weight: 2 }],
    [{ fwmark: 101 }, { fwmark: 103, weight: 2 }, { fwmark: 105, weight: 3 }],
  ].map((targets) => {
    const options = { M: 997, N: 32 };
    const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options);
    table.setTargets(targets);
    return [...table.lookup].map((slot) => table.active[slot]!);
  });
  const expected = [1, 2].map((stage) => {
    const [before, after] = [stages[stage - 1]!, stages[stage]!];
    const moved = before.filter((fwmark, bucket) => fwmark !== after[bucket]).length;
    const count = (of: number[], fwmark: number): number => of.filter((each) => each === fwmark).length;
    const least = [101, 102, 103, 105].reduce((sum, fwmark) => sum + Math.max(0, count(after, fwmark) - count(before, fwmark)), 0);
    return [997, moved, least, moved - least];
  });
  expect(changes.map(([seconds, command, table]) => [seconds, command, table])).toEqual([
    ['0.2', 'deactivate 102', 'nfqlb'],
    ['0.35', 'activate --weight=3 105', 'nfqlb'],
  ]);
  expect(changes.map((row) => row.slice(3, 7).map(asNumber))).toEqual(expected);
  await page.close();
});

test('the fragment table is full of stored fragments while the attack lasts', async () => {
  const { page } = await openPage(browser, report);
  const rows = await valuesOf(page, 'Fragment table');
  const stored = rows.map((row) => row.get('stored fragments')!);
  expect(Math.max(...stored)).toBe(100);
  expect(Math.max(...rows.map((row) => row.get('datagrams')!))).toBeLessThanOrEqual(1000);
  expect(records.some(({ reason }) => reason === 'fragment-no-room')).toBe(true);
  await page.close();
});

test('tables are sorted by a click on a heading, and the other way by a second', async () => {
  const { page } = await openPage(browser, report);
  const packets = async (): Promise<number[]> => (await cellsOf(page, 'Targets')).slice(1).map((row) => asNumber(row[1]!));
  const before = await packets();
  const heading = page.getByRole('button', { name: 'packets', exact: true });
  await heading.click();
  expect(await packets()).toEqual(before.toSorted((a, b) => b - a));
  await heading.click();
  expect(await packets()).toEqual(before.toSorted((a, b) => a - b));
  await page.close();
});

test('it follows the reader: dark, on a phone, on paper', async () => {
  const background = async (page: Page): Promise<string> => await page.evaluate('getComputedStyle(document.body).backgroundColor');
  const light = await openPage(browser, report, { colorScheme: 'light' });
  const dark = await openPage(browser, report, { colorScheme: 'dark' });
  expect(await background(dark.page)).not.toBe(await background(light.page));
  await dark.page.emulateMedia({ media: 'print' });
  expect(await background(dark.page)).toBe('rgb(255, 255, 255)');
  expect(await dark.page.getByText('Values', { exact: true }).first().isVisible()).toBe(false);
  const phone = await openPage(browser, report, { viewport: { width: 360, height: 780 }, hasTouch: true });
  await phone.page.locator('svg').first().waitFor();
  expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  await phone.page.locator('svg').first().tap();
  expect(await phone.page.locator('.tip').first().isVisible()).toBe(true);
  for (const { page, complaints } of [light, dark, phone]) {
    expect(complaints).toEqual([]);
    await page.close();
  }
});

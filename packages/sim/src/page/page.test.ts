import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cellsOf, openPage, startBrowser } from '../testing/browser.js';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

const data = (name: string): string => fileURLToPath(new URL(`../../../captures/test-data/${name}`, import.meta.url));
const WEB = fileURLToPath(new URL('../../captures/web-and-dns.pcap', import.meta.url));

const CONFIGURATION = `tables:
  web: { M: 101, targets: { 101: 1, 102: 2 } }
  dns: { targets: { 201: 1, 202: 3 } }
flows:
  - { name: web, target: web, protocols: tcp }
  - { name: dns, target: dns, protocols: udp, dports: 53 }
`;

let folder: string;
let sim: (args: readonly string[]) => Outcome;
let browser: Browser;
let path: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-page-'));
  sim = bundledProgram(folder);
  path = join(folder, 'replay.html');
  expect(sim(['page', path])).toMatchObject({ status: 0, stdout: '', stderr: '' });
  browser = await startBrowser();
}, 120_000);
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** What `nfqlb-sim replay --json` says of a capture. */
function decisions(capture: string, ...options: string[]): string {
  const { stdout, stderr } = sim(['replay', capture, '--json', ...options]);
  expect(stderr).toBe('');
  return stdout;
}

/** The records that the page saves. */
async function saved(page: Page): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByText('Save all as JSON lines').click()]);
  const file = join(folder, 'saved.jsonl');
  await download.saveAs(file);
  return readFileSync(file, 'utf8');
}

/** Gives the page a capture. @returns what it says when it has replayed it, or why it has not */
async function replayed(page: Page, capture: string): Promise<string> {
  await page.getByLabel('capture').setInputFiles(capture);
  const message = page.locator('.message');
  await message.filter({ hasNotText: /^(.*%)?$/ }).waitFor();
  return (await message.textContent())!;
}

test.each([
  'telnet-ipv4.pcap',
  'udp-ipv4.pcap',
  'udp-ipv4-nanoseconds.pcap',
  'udp-ipv6.pcap',
  'packets.pcap',
  'packets-mixed.pcap',
  'web-and-dns.pcapng',
])('%s: the decisions of sim replay, packet by packet', async (name) => {
  const expected = decisions(data(name));
  const { page, complaints } = await openPage(browser, path);
  await replayed(page, data(name));
  expect(await saved(page)).toBe(expected);
  expect(await page.getByRole('heading', { level: 1 }).last().textContent()).toBe(name);
  expect(complaints).toEqual([]);
  await page.close();
});

test('in gzip, with targets, and with a configuration', async () => {
  const zipped = join(folder, 'web.pcap.gz');
  writeFileSync(zipped, gzipSync(readFileSync(WEB)));
  const yaml = join(folder, 'nfqlb.yaml');
  writeFileSync(yaml, CONFIGURATION);
  const { page, complaints } = await openPage(browser, path);
  expect(await replayed(page, zipped)).toBe('web.pcap.gz: replayed');
  expect(await saved(page)).toBe(decisions(WEB));
  await page.getByText('Targets, tables and flows').click();
  await page.getByLabel(/^Targets, with a weight/).fill('7,8:3');
  await page.getByLabel(/^Targets, with a weight/).blur();
  await expect.poll(() => saved(page)).toBe(decisions(WEB, '--targets=7,8:3'));
  await page.getByLabel(/^Or tables and flows/).fill(CONFIGURATION);
  await page.getByLabel(/^Or tables and flows/).blur();
  await expect.poll(() => saved(page)).toBe(decisions(WEB, `--config=${yaml}`));
  const [, ...flows] = await cellsOf(page, 'Flows');
  expect(flows.map(([flow, , table]) => [flow, table])).toEqual([
    ['dns', 'dns'],
    ['web', 'web'],
  ]);
  expect(complaints).toEqual([]);
  await page.close();
});

test('dropped on the page; then page by page, by frame, by text', async () => {
  const lines = decisions(WEB).trimEnd().split('\n');
  const { page, complaints } = await openPage(browser, path);
  // As a text, which is not compiled here, where there is no DOM.
  const dropped = await page.evaluateHandle(`(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(${JSON.stringify([...readFileSync(WEB)])})], 'dropped.pcap'));
    return transfer;
  })()`);
  await page.dispatchEvent('.zone', 'drop', { dataTransfer: dropped });
  await page.getByText('dropped.pcap: replayed').waitFor();

  const section = page.locator('section', { has: page.getByRole('heading', { name: 'Packets', exact: true }) });
  const shown = async (): Promise<string[][]> => (await cellsOf(page, 'Packets')).slice(1);
  const frames = async (): Promise<number[]> => (await shown()).map(([n]) => Number(n));
  const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
  await expect.poll(frames).toEqual(range(1, 500));
  await page.getByRole('button', { name: 'Next' }).click();
  await expect.poll(frames).toEqual(range(501, 1000));
  await page.getByRole('button', { name: 'Last' }).click();
  await expect.poll(frames).toEqual(range(1501, 1557));
  await page.getByLabel('frame number').fill('777');
  await page.getByLabel('frame number').blur();
  await expect.poll(frames).toEqual(range(501, 1000));
  for (const row of await shown()) {
    const record = JSON.parse(lines[Number(row[0]) - 1]!) as Record<string, unknown>;
    const fields = [
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
    expect(row).toEqual(fields.map((field) => String(record[field] ?? '')));
  }
  await page.getByLabel('text to look for').fill('"dport":53,');
  await page.getByLabel('text to look for').blur();
  const found = lines.flatMap((line, i) => (line.includes('"dport":53,') ? [i + 1] : []));
  expect(found.length).toBeGreaterThan(10);
  await section.getByText(`${found.length} found`).waitFor();
  expect(await frames()).toEqual(found);
  expect(complaints).toEqual([]);
  await page.close();
});

test('what is wrong with a file or a choice is said in one line', async () => {
  const broken = join(folder, 'cut.pcap');
  writeFileSync(broken, readFileSync(WEB).subarray(0, 5000));
  const { page, complaints } = await openPage(browser, path);
  expect(await replayed(page, fileURLToPath(import.meta.url))).toMatch(
    /^page\.test\.ts: not a capture: it begins with .*; expected pcap or pcapng, plain or gzip$/,
  );
  expect(await replayed(page, broken)).toBe('cut.pcap: replayed');
  const { stdout, stderr } = sim(['replay', broken, '--json']);
  expect(await saved(page)).toBe(stdout);
  const problem = /cut off at byte 5000: .*/.exec(stderr)![0];
  expect(await page.getByRole('alert').textContent()).toContain(problem);
  await page.getByText('Targets, tables and flows').click();
  await page.getByLabel(/^Or tables and flows/).fill('tables: { web: { M: x } }');
  await page.getByLabel(/^Or tables and flows/).blur();
  await page.locator('.bad').waitFor();
  expect(await page.locator('.bad').textContent()).toBe('configuration:1:21: M: must be a number');
  expect(complaints).toEqual([]);
  await page.close();
});

test('a report has the same place for captures', async () => {
  const report = join(folder, 'report.html');
  expect(sim(['replay', data('telnet-ipv4.pcap'), `--report=${report}`]).status).toBe(0);
  const { page, complaints } = await openPage(browser, report);
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain('telnet-ipv4.pcap');
  expect(await replayed(page, WEB)).toBe('web-and-dns.pcap: replayed');
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('web-and-dns.pcap');
  expect(await saved(page)).toBe(decisions(WEB));
  expect(complaints).toEqual([]);
  await page.close();
});

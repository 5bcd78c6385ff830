import { existsSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';

/** A browser that must be closed. */
export async function startBrowser(): Promise<Browser> {
  if (!existsSync(CHROMIUM)) throw new Error(`needs ${CHROMIUM}: apt-get install chromium`);
  // Chromium's own sandbox does not work for root.
  return await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
}

/** A page, with what must stay empty: errors, all else that its console says, and requests for anything but its file. */
export interface OpenedPage {
  readonly page: Page;
  readonly complaints: string[];
}

export async function openPage(browser: Browser, path: string, options: BrowserContextOptions = {}): Promise<OpenedPage> {
  const page = await browser.newPage(options);
  // Shorter than a test may take, so that it says what it waited for.
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  const own = pathToFileURL(path).href;
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('request', (request) => {
    if (request.url() !== own && !request.url().startsWith('blob:')) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(own);
  return { page, complaints };
}

/** The cells of a table of the page, by the heading of its section, as text; the first row are its headings. */
export async function cellsOf(page: Page, title: string): Promise<string[][]> {
  const rows = page.locator('section', { has: page.getByRole('heading', { name: title, exact: true }) }).locator('tr');
  return await rows.evaluateAll((all) => all.map((row) => [...row.children].map((cell) => cell.textContent ?? '')));
}

/** `1,234`, `-0.30%` and `–` as numbers; the last is NaN. */
export function asNumber(text: string): number {
  return Number.parseFloat(text.replaceAll(',', ''));
}

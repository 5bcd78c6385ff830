// `pnpm --filter @nfqlb/sim run picture`: docs/images/report.png, the beginning of the report that docs/report.md makes. Needs Debian's chromium.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const folder = mkdtempSync(join(tmpdir(), 'nfqlb-picture-'));
const sim = (...args) =>
  execFileSync(process.execPath, [fileURLToPath(new URL('../dist/sim.js', import.meta.url)), ...args], { cwd: folder, stdio: 'ignore' });
sim('generate', 'traffic.pcap', '--packets=100000', '--rate=20000', '--fragments=20', '--errors=1', '--attack=5');
sim('replay', 'traffic.pcap', '--targets=101,102,103:2', '--at=1.5:deactivate 102', '--at=3:activate 102 104', '--report=report.html');
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 960, height: 1230 }, colorScheme: 'light' });
await page.goto(pathToFileURL(join(folder, 'report.html')).href);
const box = await page.locator('svg').first().boundingBox();
await page.mouse.move(box.x + box.width * 0.42, box.y + box.height / 2);
await page.screenshot({ path: fileURLToPath(new URL('../../../docs/images/report.png', import.meta.url)) });
await browser.close();
rmSync(folder, { recursive: true });

// The drop-in of docs/install.md that lets the service use the fast path.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { Running } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';

const path = (relative: string): string => fileURLToPath(new URL(`../../../../${relative}`, import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'nfqlb-test-unit-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** What systemd says of the unit with this drop-in, and what it makes of both. */
async function verified(dropIn: string): Promise<string> {
  const unit = join(folder, 'nfqlb.service');
  mkdirSync(`${unit}.d`, { recursive: true });
  // The program need not be installed.
  const installed = (text: string): string => text.replaceAll('/usr/bin/nfqlb', '/bin/true');
  writeFileSync(unit, installed(readFileSync(path('packaging/debian/nfqlb.service'), 'utf8')));
  writeFileSync(join(`${unit}.d`, 'fast.conf'), installed(dropIn));
  await using running = await Running.start(['systemd-analyze', 'verify', '--man=no', unit]);
  const { status } = await running.exited;
  return `${status} ${running.stdout}${running.stderr}`;
}

describeLive(
  'the service’s drop-in for the fast path',
  () => {
    const [, dropIn] = /^### The fast path$[\s\S]*?^```ini\n([\s\S]*?)^```$/m.exec(readFileSync(path('docs/install.md'), 'utf8'))!;

    test('is accepted by systemd; a mistake in it is not', async () => {
      expect(await verified(dropIn!)).toBe('0 ');
      expect(await verified(dropIn!.replace('SystemCallFilter=', 'SystemCalls='))).toContain('fast.conf');
    });
  },
  undefined,
  { 'systemd-analyze': 'systemd' },
);

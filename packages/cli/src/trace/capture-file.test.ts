import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pcapngPacket } from '@nfqlb/captures';
import { packet } from '@nfqlb/core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CaptureFile } from './capture-file.js';

const octets = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).build();
const PACKET = { time: 1_700_000_000_123.25, wireLength: 1500, octets: Buffer.from(octets).toString('base64'), comment: 'balanced' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-capture-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('the file is complete after each packet', () => {
  const path = join(folder, 'a.pcapng');
  const file = new CaptureFile(path);
  const header = readFileSync(path).length;
  file.add(PACKET);
  const block = pcapngPacket({ seconds: 1_700_000_000, nanoseconds: 123_250_000, octets, wireLength: 1500, comment: 'balanced' });
  expect(readFileSync(path).subarray(header).equals(block)).toBe(true);
  file.close();
});

test('a file that cannot be written: the error says why in one line', () => {
  expect(() => new CaptureFile(join(folder, 'none/a.pcapng'))).toThrow(/^--write=.*\/none\/a\.pcapng: no such file or directory$/);
  expect(() => new CaptureFile(folder)).toThrow(/^--write=.*: is a directory; a file is needed$/);
  expect(() => new CaptureFile('/dev/full')).toThrow('--write=/dev/full: no space left on the device');
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchFile } from './watched-file.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-watched-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test('changes are used, failures reported once and tried again, and it is said when all is well again', async () => {
  const file = join(folder, 'f');
  const used: string[] = [];
  const reported: string[] = [];
  const stop = new AbortController();
  let fails = 0;
  const use = async (text: string): Promise<void> => {
    if (text === 'bad' && fails++ < 2) throw Object.assign(new Error('it is bad'), { code: 'BAD' });
    used.push(text);
  };
  writeFileSync(file, 'a');
  const watching = watchFile(file, use, (problems) => reported.push(problems.join()), stop.signal, 'a');
  writeFileSync(file, 'b');
  // What was in use at the start is not used again.
  await expect.poll(() => used, { timeout: 10_000 }).toEqual(['b']);
  writeFileSync(file, 'bad');
  await expect.poll(() => used, { timeout: 10_000 }).toEqual(['b', 'bad']);
  await expect.poll(() => reported).toEqual(['it is bad', '']);
  rmSync(file);
  await expect.poll(() => reported, { timeout: 10_000 }).toEqual(['it is bad', '', `${file}: no such file or directory`]);
  writeFileSync(file, 'bad');
  await expect.poll(() => reported.at(-1), { timeout: 10_000 }).toBe('');
  // It came back as it was.
  expect(used).toEqual(['b', 'bad']);
  stop.abort();
  await watching;
});

test('a text that is still being written is not used', async () => {
  const file = join(folder, 'f');
  const used: string[] = [];
  const stop = new AbortController();
  writeFileSync(file, '0');
  const watching = watchFile(
    file,
    async (text) => void used.push(text),
    () => {},
    stop.signal,
    '',
  );
  // Each read finds another text, until the writer is done.
  let lines = 1;
  await new Promise<void>((done) => {
    const writer = setInterval(() => {
      writeFileSync(file, String(lines++));
      if (lines < 150) return;
      clearInterval(writer);
      writeFileSync(file, 'whole');
      done();
    }, 10);
  });
  await expect.poll(() => used.at(-1), { timeout: 10_000 }).toBe('whole');
  expect(used).toEqual(['whole']);
  stop.abort();
  await watching;
});

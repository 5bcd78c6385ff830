import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packetHash } from './hash.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-hash-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string): string {
  const path = join(folder, 'key');
  writeFileSync(path, content);
  return path;
}

test('djb2 has no key', () => {
  expect(packetHash('djb2')).toEqual({ text: 'djb2', hashKey: undefined });
});

test.each(['0123456789abcdef', '0123456789ABCDEF\n', '  0123456789abcdef\r\n'])('a key in a file: %j', (content) => {
  const text = `siphash:${file(content)}`;
  expect(packetHash(text)).toEqual({ text, hashKey: [0x01234567, 0x89abcdef | 0] });
});

const MAKE = 'the key is 16 hexadecimal digits, as from `openssl rand -hex 8`';

test.each(['', '0123456789abcde', '0123456789abcdef0', '0x23456789abcdef', '0123456789abcdef 0123456789abcdef'])(
  'what is no key is not shown: %j',
  (content) => {
    const path = file(content);
    expect(() => packetHash(`siphash:${path}`)).toThrow(new RegExp(`^siphash:${path}: ${path} contains no key: ${MAKE}$`));
  },
);

test('a file that cannot be read', () => {
  const path = join(folder, 'none');
  expect(() => packetHash(`siphash:${path}`)).toThrow(`siphash:${path}: ${path}: no such file or directory; ${MAKE}`);
  mkdirSync(path);
  expect(() => packetHash(`siphash:${path}`)).toThrow(`${path}: is a directory; a file is needed; ${MAKE}`);
});

test.each(['', 'md5', 'DJB2', 'siphash', 'siphash:'])('no other functions: %j', (text) => {
  expect(() => packetHash(text)).toThrow("must be djb2, or siphash:FILE with a file that contains the tier's key");
});

import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bpf } from './bpf.js';
import { DescriptorMemory } from './descriptor-memory.js';
import { tryLock } from './file-lock.js';
import { interfaceIndex } from './interface-index.js';
import { NativeError } from './native-error.js';

describe('bpf(2)', () => {
  test('fails with the name of the errno', () => {
    // EPERM for users whom the kernel refuses everything.
    expect(() => bpf(0xffff, new Uint8Array(48))).toThrow(NativeError);
    expect(() => bpf(0xffff, new Uint8Array(48))).toThrow(/^bpf: bpf: .* \((EINVAL|EPERM)\)$/);
  });

  test('writes no pointer outside the attributes', () => {
    expect(() => bpf(0, new Uint8Array(16), [[9, new Uint8Array(8)]])).toThrow('bpf: passing a buffer: Invalid argument (EINVAL)');
  });
});

test('an interface has an index; one that does not exist has none', () => {
  expect(interfaceIndex('lo')).toBe(1);
  for (const name of Object.keys(networkInterfaces())) expect(interfaceIndex(name)).toBeGreaterThan(0);
  for (const name of ['nfqlb-none', 'x'.repeat(100), '']) expect(interfaceIndex(name)).toBeUndefined();
});

describe('a file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nfqlb-native-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('is mapped by its descriptor, which may be closed', () => {
    writeFileSync(`${folder}/file`, 'abcd');
    const fd = openSync(`${folder}/file`, 'r+');
    const memory = new DescriptorMemory(fd, 4);
    closeSync(fd);
    expect(Buffer.from(memory.buffer).toString()).toBe('abcd');
    memory.close();
    expect(memory.buffer.byteLength).toBe(0);
    expect(() => new DescriptorMemory(fd, 4)).toThrow(/EBADF|EACCES|ENODEV/);
  });

  test('or folder is locked until its descriptor is closed', () => {
    const first = openSync(folder, 'r');
    const second = openSync(folder, 'r');
    expect([tryLock(first), tryLock(second), tryLock(first)]).toEqual([true, false, true]);
    closeSync(first);
    expect(tryLock(second, 10)).toBe(true);
    closeSync(second);
  });
});

import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SharedMemory } from './shared-memory.js';
import { TestProgram } from './testing/program.js';

describe('mappings of which pages are lost read as zeros', () => {
  const prefix = `nfqlb-test-lost-${process.pid}`;
  const MAPPINGS = 2000;
  let program: TestProgram;
  beforeAll(async () => {
    program = await TestProgram.make('lost-mappings-program');
  });
  afterAll(() => {
    program.remove();
    for (const name of ['filler', ...Array(MAPPINGS).keys()]) SharedMemory.unlink(`${prefix}-${name}`);
  });

  test.each([
    ['a whole number of pages, one right behind the other', 12, 4096],
    ['two pages', 12, 8192],
    ['an octet more than a page', 12, 4097],
    ['more than any fixed number', MAPPINGS, 4096],
  ])('%s', (_name, count, octets) => {
    const { status, signal, stdout } = spawnSync(process.execPath, [program.file, prefix, `${count}`, `${octets}`], {
      encoding: 'utf8',
      // Ends a program that gets the same SIGBUS for ever.
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    expect({ status, signal }).toEqual({ status: 0, signal: null });
    expect(JSON.parse(stdout)).toEqual({ right: count, damaged: count });
  });
});

import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SharedMemory } from './shared-memory.js';
import { TestProgram } from './testing/program.js';

describe('mappings with lost pages read as zeros', () => {
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
    ['whole pages, right next to each other', 12, 4096],
    ['two pages', 12, 8192],
    ['one octet more than a page', 12, 4097],
    ['many mappings', MAPPINGS, 4096],
  ])('%s', (_name, count, octets) => {
    const { status, signal, stdout } = spawnSync(process.execPath, [program.file, prefix, `${count}`, `${octets}`], {
      encoding: 'utf8',
      // Kills a program that gets the same SIGBUS forever.
      timeout: 20_000,
      killSignal: 'SIGKILL',
    });
    expect({ status, signal }).toEqual({ status: 0, signal: null });
    expect(JSON.parse(stdout)).toEqual({ right: count, damaged: count });
  });
});

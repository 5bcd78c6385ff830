import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
// @ts-expect-error Scripts have no types.
import { compileProgram, MODULE, moduleOf } from '../../scripts/compile-program.mjs';
import { describeKernel } from '../testing/describe-kernel.js';

const MAKE_AGAIN = 'the object is not what the sources give: pnpm --filter @nfqlb/fast-path run build:program';

describeKernel(
  'the object in the repository',
  () => {
    let folder: string | undefined;
    afterEach(() => {
      if (folder !== undefined) rmSync(folder, { recursive: true });
    });

    test('is what clang makes of program/, bit for bit', () => {
      expect(moduleOf(compileProgram()), MAKE_AGAIN).toBe(readFileSync(MODULE as string, 'utf8'));
    });

    test('would differ with any other instruction', () => {
      folder = mkdtempSync(join(tmpdir(), 'nfqlb-program-'));
      cpSync(fileURLToPath(new URL('../../program', import.meta.url)), folder, { recursive: true });
      const file = join(folder, 'fast-path.bpf.c');
      writeFileSync(file, readFileSync(file, 'utf8').replace('= 5381', '= 5382'));
      expect(moduleOf(compileProgram(folder))).not.toBe(readFileSync(MODULE as string, 'utf8'));
    });
  },
  { clang: 'clang' },
);

import { expect, test } from 'vitest';
import type { FastPathError } from '../fast-path-error.js';
import { ELEMENT_WORDS, type MapName } from '../layout.js';
import { describeKernel } from '../testing/describe-kernel.js';
import { createMaps, loadFastPath, type Maps } from './program.js';

describeKernel('the program', () => {
  /** Works with the smallest maps, and closes them. */
  function withMaps(work: (maps: Maps) => void): void {
    const entries = Object.fromEntries(Object.keys(ELEMENT_WORDS).map((name) => [name, 1])) as Record<MapName, number>;
    const maps = createMaps(entries);
    try {
      work(maps);
    } finally {
      for (const map of Object.values(maps)) map.close();
    }
  }

  test('that the verifier rejects: one line with its verdict, and the last lines of its log', () => {
    withMaps((maps) => {
      // Smaller elements than the program reads.
      let error: FastPathError | undefined;
      try {
        loadFastPath({ ...maps, options: maps.tables });
      } catch (thrown) {
        error = thrown as FastPathError;
      }
      expect(error).toMatchObject({ name: 'FastPathError', code: 'rejected' });
      expect(error!.message).toMatch(/^this kernel's verifier rejects the program: [^\n]+; please report it, with the kernel’s version$/);
      expect(error!.log.join('\n')).toContain('invalid access to map value');
    });
  });
});

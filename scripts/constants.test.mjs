import { expect, test } from 'vitest';
import { keepConstants } from './constants.mjs';

test('top-level variables named like constants or classes become constants, others do not', async () => {
  const bundled =
    'var WAYS = 8;\nvar Mark = { Begun: 1 };\nvar last = 0;\nvar LATER;\nfunction f() {\n  var LOCAL = 1;\n  LOCAL = 2;\n}\nvar OTHER = WAYS;\n';
  expect(await keepConstants(bundled)).toBe(
    bundled.replace('var WAYS', 'const WAYS').replace('var Mark', 'const Mark').replace('var OTHER', 'const OTHER'),
  );
});

test.each(['COUNT = 2', 'COUNT++', '[COUNT] = [2]', 'for (COUNT of [1]);'])(
  'a program with "%s" is refused: it would fail when it runs',
  async (assignment) => {
    await expect(keepConstants(`var COUNT = 1;\nfunction f() {\n  ${assignment}\n}\n`)).rejects.toThrow('"COUNT" is a constant');
  },
);

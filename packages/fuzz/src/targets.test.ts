// Each target takes its corpus, and a few seconds of changes to it: FUZZ_SECONDS=60 gives each a minute. A CI job takes longer (.github/workflows/fuzz.yml).

import { afterAll, expect, test } from 'vitest';
import { findTargets, TargetPrograms } from './target-programs.js';

const SECONDS = Number(process.env.FUZZ_SECONDS ?? 3);

const programs = new TargetPrograms();
afterAll(() => programs[Symbol.dispose]());

test.concurrent.each([...findTargets().keys()])('%s', { timeout: 120_000 + 5000 * SECONDS }, async (name) => {
  const { passed, output } = await programs.run(name, [`--seconds=${SECONDS}`]);
  if (output.startsWith('skipped')) console.warn(`${name}: ${output}`);
  expect({ passed, output }).toEqual({ passed: true, output: expect.stringMatching(/^(passed: \d+ inputs|skipped: needs )/) });
});

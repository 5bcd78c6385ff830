// Each target takes its corpus, and a few seconds of changes to it. A CI job takes longer (.github/workflows/fuzz.yml).

import { afterAll, expect, test } from 'vitest';
import { findTargets, TargetPrograms } from './target-programs.js';

const SECONDS = 3;

const programs = new TargetPrograms();
afterAll(() => programs[Symbol.dispose]());

test.concurrent.each([...findTargets().keys()])('%s', { timeout: 120_000 }, async (name) => {
  const { passed, output } = await programs.run(name, [`--seconds=${SECONDS}`]);
  expect({ passed, output }).toEqual({ passed: true, output: expect.stringMatching(/^passed: \d+ inputs/) });
});

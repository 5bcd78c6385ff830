import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { owner } from '../../docker/engine.js';
import { Site } from '../../docker/site.js';

const { NFQLB_TEST_ENDING: ending, NFQLB_TEST_NOTE: note } = process.env;

test(`a site, then: ${ending}`, async () => {
  // Deliberately not disposed of.
  await Site.create({ mode: 'nat', queues: 1, targets: 1 });
  writeFileSync(note!, owner());
  if (ending === 'fail') expect(1).toBe(2);
  await new Promise(() => {});
});

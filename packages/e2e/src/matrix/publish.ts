// `pnpm matrix`: copies the last run's matrix to docs/behaviours.json and docs/behaviours.md, and its count to the README.
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { formatCount, formatRun, type Matrix } from './matrix.js';
import { LAST_RUN, PAGE, PUBLISHED, README, replaceGenerated } from './places.js';

if (!existsSync(LAST_RUN)) {
  process.stderr.write('no run to publish; first run: npx vitest run packages/e2e\n');
  process.exit(1);
}
const matrix = JSON.parse(readFileSync(LAST_RUN, 'utf8')) as Matrix;
for (const [page, generated] of [
  [PAGE, formatRun(matrix)],
  [README, formatCount(matrix)],
] as const) {
  writeFileSync(page, replaceGenerated(readFileSync(page, 'utf8'), generated, basename(page)));
}
copyFileSync(LAST_RUN, PUBLISHED);
process.stdout.write(`${formatCount(matrix)}\n`);

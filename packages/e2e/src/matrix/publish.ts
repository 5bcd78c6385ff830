// `pnpm matrix`: copies the last run's matrix to docs/behaviours.json and the README.
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { formatMatrix, type Matrix } from './matrix.js';
import { LAST_RUN, replaceTable } from './places.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const PUBLISHED = path('../../../../docs/behaviours.json');
const README = path('../../../../README.md');

if (!existsSync(LAST_RUN)) {
  process.stderr.write('no run to publish; first run: npx vitest run packages/e2e\n');
  process.exit(1);
}
copyFileSync(LAST_RUN, PUBLISHED);
const matrix = JSON.parse(readFileSync(PUBLISHED, 'utf8')) as Matrix;
writeFileSync(README, replaceTable(readFileSync(README, 'utf8'), formatMatrix(matrix)));
const results = matrix.rows.flatMap(({ cells }) => cells.map(({ result }) => result));
const count = (wanted: string): number => results.filter((result) => result === wanted).length;
process.stdout.write(`${count('passed')} passed, ${count('failed')} failed, ${count('not run')} not run\n`);

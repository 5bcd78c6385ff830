/** `pnpm bench:report FILE…`: makes docs/performance.md, its pictures, and docs/performance.json from results of `bench:live` and `bench:growth`. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, run } from '@nfqlb/options';
import { E2eError } from '../../e2e-error.js';
import { conflict, performancePage, type Result } from './page.js';
import { IMAGES, PAGE, PUBLISHED } from './places.js';

await run(
  new Command('report')
    .description('makes docs/performance.md from results of bench:live and bench:growth')
    .argument('<file...>', 'JSON files that they wrote')
    .action(publish),
);

function publish(files: readonly string[]): void {
  const results = files.flatMap(read);
  const why = conflict(results);
  if (why !== undefined) throw new E2eError('conflict', `${files.join(', ')}: ${why}`);
  const { text, images } = performancePage(results);
  writeFileSync(PAGE, text);
  writeFileSync(PUBLISHED, `${JSON.stringify(results, null, 1)}\n`);
  for (const name of readdirSync(IMAGES)) if (name.startsWith('performance-') && !images.has(name)) rmSync(join(IMAGES, name));
  for (const [name, svg] of images) writeFileSync(join(IMAGES, name), svg);
  process.stdout.write(`${PAGE}\n`);
}

/** The results of a file: of one run, or of several as in docs/performance.json. */
function read(file: string): Result[] {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new E2eError('conflict', `${file}: cannot be read as JSON: ${(error as Error).message}`);
  }
  const results = [content].flat() as Result[];
  if (!results.every((result) => result?.kind === 'live' || result?.kind === 'growth'))
    throw new E2eError('conflict', `${file}: must be a file that bench:live or bench:growth wrote`);
  return results;
}

// What an addon was made from and for: a note beside it, which says whether it is what a compilation would give now.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platform, root } from './compile.mjs';

const folder = join(root, 'addon');
const sources = createHash('sha256');
for (const name of readdirSync(folder).sort())
  if (/\.(cc|h|gyp)$/.test(name)) sources.update(name).update(readFileSync(join(folder, name)));

// N-API is the same in all of them, but the headers are those of the Node that is here.
const current = `${JSON.stringify({ platform, node: process.versions.node, sources: sources.digest('hex') })}\n`;

const noteOf = (addon) => `${addon}.json`;

export function isCurrent(addon) {
  return existsSync(addon) && existsSync(noteOf(addon)) && readFileSync(noteOf(addon), 'utf8') === current;
}

export function note(addon) {
  writeFileSync(noteOf(addon), current);
}

/** Whether the two were made from the same sources, for whatever Node. */
export function hasTheseSources(addon) {
  if (!existsSync(noteOf(addon))) return false;
  return JSON.parse(readFileSync(noteOf(addon), 'utf8')).sources === JSON.parse(current).sources;
}

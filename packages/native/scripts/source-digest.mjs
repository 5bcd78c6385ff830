// A note next to an addon, with what it was built from and for: tells whether it is up to date.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { platform, root } from './compile.mjs';

const folder = join(root, 'addon');
const sources = createHash('sha256');
for (const name of readdirSync(folder).sort())
  if (/\.(cc|h|gyp)$/.test(name)) sources.update(name).update(readFileSync(join(folder, name)));

// N-API is the same in every Node, but the headers are those of this Node.
const digest = sources.digest('hex');
const noteFor = (/** @type {string} */ target) => `${JSON.stringify({ platform: target, node: process.versions.node, sources: digest })}\n`;

const noteOf = (/** @type {string} */ addon) => `${addon}.json`;

/** @param {string} addon */
export function isCurrent(addon) {
  return existsSync(addon) && existsSync(noteOf(addon)) && readFileSync(noteOf(addon), 'utf8') === noteFor(platform);
}

/** @param {string} addon */
export function note(addon, target = platform) {
  replace(noteOf(addon), noteFor(target));
}

/**
 * Writes a file in one step: another process may be reading it.
 *
 * @param {string} file
 * @param {string} text
 */
export function replace(file, text) {
  const written = `${file}.${process.pid}`;
  writeFileSync(written, text);
  renameSync(written, file);
}

/**
 * Whether the addon was built from the current sources, for whatever Node.
 *
 * @param {string} addon
 */
export function hasTheseSources(addon) {
  if (!existsSync(noteOf(addon))) return false;
  return JSON.parse(readFileSync(noteOf(addon), 'utf8')).sources === digest;
}

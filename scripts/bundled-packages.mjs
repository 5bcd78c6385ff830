// The packages of others that a bundle contains, from esbuild's metafile: name, version, licence and the licence's text, which most
// licences want to go along.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** In order of their names. Ours have no folder node_modules in their path. */
export function bundledPackages(metafile) {
  const packages = new Map();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (bytesInOutput === 0 || !input.includes('node_modules/')) continue;
      const folder = packageFolder(resolve(input));
      if (!packages.has(folder)) packages.set(folder, describe(folder));
    }
  }
  return [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Some packages have a second package.json in a folder below, without a name. */
function packageFolder(file) {
  let folder = dirname(file);
  while (!existsSync(join(folder, 'package.json')) || !manifest(folder).name || !manifest(folder).version) folder = dirname(folder);
  return folder;
}

const manifest = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function describe(folder) {
  const { name, version, license } = manifest(folder);
  const file = readdirSync(folder).find((each) => /^licen[cs]e(\.|$)/i.test(each));
  if (typeof license !== 'string') throw new Error(`${folder}/package.json names no licence: look it up before bundling ${name}`);
  return { name, version, license, text: file && readFileSync(join(folder, file), 'utf8').trim() };
}

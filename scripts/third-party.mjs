// The packages of others that are contained in what is published: name, version, licence and the licence's text, which most licences want to
// go along. Bundles have them in dist/third-party-licences.txt, packages with addons in prebuilds/.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Those in bundles, by esbuild's metafiles, in order of their names. Ours have no folder node_modules in their path. */
export function bundledPackages(metafiles) {
  const packages = new Map();
  for (const output of metafiles.flatMap(({ outputs }) => Object.values(outputs))) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      if (bytesInOutput === 0 || !input.includes('node_modules/')) continue;
      const folder = packageFolder(resolve(input));
      if (!packages.has(folder)) packages.set(folder, thirdParty(folder));
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

/** The package in a folder. */
export function thirdParty(folder) {
  const { name, version, license } = manifest(folder);
  if (typeof license !== 'string') throw new Error(`${folder}/package.json names no licence: look it up before publishing ${name}`);
  const text = licenceFile(folder) ?? sectionOfReadme(folder);
  if (!text) throw new Error(`${folder}: neither a licence file nor a section of the README with it: its text must go along`);
  return { name, version, license, text };
}

function licenceFile(folder) {
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)(\.|$)/i.test(each));
  return file && readFileSync(join(folder, file), 'utf8').trim();
}

function sectionOfReadme(folder) {
  const file = readdirSync(folder).find((each) => /^readme\.md$/i.test(each));
  return file && /^#+ *licen[cs]e\b[^\n]*\n([\s\S]*)/im.exec(readFileSync(join(folder, file), 'utf8'))?.[1]?.trim();
}

const SEPARATOR = `\n${'-'.repeat(80)}\n\n`;

/** The file third-party-licences.txt. */
export function licences(packages) {
  return packages.map(({ name, version, license, text }) => `${name} ${version} (${license})\n\n${text}\n`).join(SEPARATOR);
}

/** What {@link licences} has written: each package's title and text. */
export function readLicences(file) {
  return readFileSync(file, 'utf8')
    .split(SEPARATOR)
    .map((notice) => {
      const [, title, license, text] = /^(.+ \((.+)\))\n\n([\s\S]*)$/.exec(notice);
      return { title, license, text };
    });
}

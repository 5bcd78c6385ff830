// The licences of other people's packages in a bundle: they must go with every copy.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One text with name, version and licence text of each package that has one of the files. */
export function thirdPartyLicences(files) {
  const folders = new Set(files.filter((file) => file.includes('node_modules/')).map(packageFolder));
  return [...folders]
    .map(licence)
    .sort()
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function packageFolder(file) {
  let folder = dirname(file);
  // Folders of a package may have a package.json without a name, which only says `type`.
  while (!existsSync(join(folder, 'package.json')) || !manifestOf(folder).name) folder = dirname(folder);
  return folder;
}

function licence(folder) {
  const { name, version, license } = manifestOf(folder);
  const texts = readdirSync(folder).filter((file) => /^licen[cs]e/i.test(file));
  if (texts.length === 0) throw new Error(`${name}: no licence in ${folder}; a bundle must carry it`);
  return `${name} ${version} (${license})\n\n${texts.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')}\n`;
}

function manifestOf(folder) {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

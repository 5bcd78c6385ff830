// The file `copyright` of a package: this project's license, and those of the libraries that are bundled into its programs.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';

const OWN = `nfqlb, a layer-4 load balancer for Linux

License: Apache-2.0
On Debian systems, the text of the Apache License, version 2.0, is in
/usr/share/common-licenses/Apache-2.0.
`;

/**
 * @param {readonly string[]} bundles folders with bundled programs and their source maps
 * @param {string} native the package with the addon
 */
export function copyright(bundles, native) {
  const packages = new Set(bundles.flatMap(packagesIn));
  packages.add(dirname(createRequire(join(native, 'package.json')).resolve('node-addon-api/package.json')));
  const notices = [...packages].map(notice).sort();
  return [OWN, 'The programs contain these libraries:\n', ...notices].join('\n');
}

/** The folders of the packages that a bundle was made of, besides this project's. */
function packagesIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.map'))
    .flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).sources)
    .flatMap((source) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(resolve(folder, source))?.[0] ?? []);
}

function notice(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((each) => /^(licen[cs]e|copying)(\.|$)/i.test(each));
  const text = file === undefined ? undefined : readFileSync(join(folder, file), 'utf8').trim();
  if (!license) throw new Error(`${folder}: package.json names no license: its text must be in the package`);
  const title = `${name} ${version}, license: ${license}`;
  // Debian has this one; its text must not be repeated.
  if (license === 'Apache-2.0') return `${title}\n(the text is in /usr/share/common-licenses/Apache-2.0)\n`;
  return `${title}\n${text ?? readmeNotice(folder)}\n`;
}

/** Some packages have their license in their README only. */
function readmeNotice(folder) {
  const readme = ['README.md', 'Readme.md', 'readme.md'].map((name) => join(folder, name)).find(existsSync);
  const text = readme && /^#+ *licen[cs]e\b[^\n]*\n([\s\S]*)/im.exec(readFileSync(readme, 'utf8'))?.[1]?.trim();
  if (!text) throw new Error(`${folder}: neither a license file nor a section of the README with it: its text must be in the package`);
  return text;
}

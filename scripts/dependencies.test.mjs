// What others' code is shipped: each package has its reason in docs/packages.md, and a licence that allows it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const ALLOWED = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD'];

const read = (file) => readFileSync(`${ROOT}${file}`, 'utf8');

/** Dependencies that are not ours, of packages that are shipped or are inside of one. */
const declared = new Set(
  readdirSync(`${ROOT}packages`)
    .filter((name) => name !== 'e2e' && existsSync(`${ROOT}packages/${name}/package.json`))
    .flatMap((name) => Object.keys(JSON.parse(read(`packages/${name}/package.json`)).dependencies ?? {}))
    .filter((name) => !name.startsWith('@nfqlb/')),
);

test('each has a row in docs/packages.md, with its reason', () => {
  const rows = [...read('docs/packages.md').matchAll(/^\| \[([^\]]+)\]\(https:[^)]+\) +\| [^|]+ \| [^|]{10,} \|$/gm)].map(
    ([, name]) => name,
  );
  expect(rows.sort()).toEqual([...declared].sort());
});

test('core has none', () => expect(JSON.parse(read('packages/core/package.json')).dependencies ?? {}).toEqual({}));

test.skipIf(!existsSync(`${ROOT}packages/cli/dist/third-party.json`))(
  'what the bundles contain may be shipped, and the SBOM lists it',
  () => {
    for (const program of ['cli', 'sim']) {
      const inside = JSON.parse(read(`packages/${program}/dist/third-party.json`));
      expect(inside.filter(({ license }) => !ALLOWED.includes(license))).toEqual([]);
      const sbom = JSON.parse(execFileSync(process.execPath, [`${ROOT}scripts/sbom.mjs`, `--package=${program}`], { encoding: 'utf8' }));
      expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' });
      expect(sbom.components.map(({ name, version }) => `${name} ${version}`)).toEqual(
        inside.map(({ name, version }) => `${name} ${version}`),
      );
    }
  },
);

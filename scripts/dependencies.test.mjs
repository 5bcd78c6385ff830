// What others' code is shipped: each package has its reason in docs/packages.md, and a licence that allows it.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { thirdParty } from './third-party.mjs';

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

/** Of what may not be shipped. */
const forbidden = (list) => list.filter(({ license }) => !ALLOWED.includes(license)).map(({ name, license }) => `${name}: ${license}`);

test('what the addon contains may be shipped', () => {
  expect(forbidden([thirdParty(`${ROOT}packages/native/node_modules/node-addon-api`)])).toEqual([]);
  expect(
    forbidden([
      { name: 'a', license: 'MIT' },
      { name: 'b', license: 'GPL-3.0' },
    ]),
  ).toEqual(['b: GPL-3.0']);
});

const isBuilt = existsSync(`${ROOT}packages/cli/dist/third-party.json`);
if (!isBuilt && process.env.CI) throw new Error('nothing has been built: pnpm build');
if (!isBuilt) console.warn('skipped: what the bundles contain: nothing has been built');

describe.skipIf(!isBuilt)('bundles', () => {
  test('what they contain may be shipped, and the SBOM lists it', () => {
    for (const program of ['cli', 'sim']) {
      const inside = JSON.parse(read(`packages/${program}/dist/third-party.json`));
      expect(forbidden(inside)).toEqual([]);
      const sbom = JSON.parse(execFileSync(process.execPath, [`${ROOT}scripts/sbom.mjs`, `--package=${program}`], { encoding: 'utf8' }));
      expect(sbom).toMatchObject({ bomFormat: 'CycloneDX', specVersion: '1.5' });
      expect(sbom.components.map(({ name, version }) => `${name} ${version}`)).toEqual(
        inside.map(({ name, version }) => `${name} ${version}`),
      );
    }
  });
});

test('whatever is tested, measured or published has the versions of the lockfile', () => {
  const places = execFileSync('git', ['ls-files', '.ci', '.github', 'docker'], { cwd: ROOT, encoding: 'utf8' }).trim().split('\n');
  const installs = places.flatMap((file) =>
    read(file)
      .split('\n')
      .filter((line) => /\bpnpm(@12)? install\b|\bnpm (ci|install)\b|\byarn\b/.test(line) && !/^\s*#/.test(line))
      .map((line) => `${file}: ${line.trim()}`),
  );
  expect(installs.length).toBeGreaterThan(6);
  expect(installs.filter((line) => !line.includes('pnpm') || !line.includes('--frozen-lockfile'))).toEqual([]);
});

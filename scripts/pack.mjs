// Makes the tarballs that are published: `pnpm pack:all [--to=FOLDER] [--require=linux-x64-glibc,…]`. Builds first, compiles the prebuilt
// addon for this machine, and takes along those for other platforms that are in packages/native/prebuilds (made there by
// `pnpm --filter @nfqlb/native run make-prebuild` on such machines). With --require, fails if one of these is missing.
//
// .pnpmfile.mjs says what a published package.json leaves out.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { to: { type: 'string', default: 'build/packages' }, require: { type: 'string', default: '' } },
});

const root = fileURLToPath(new URL('..', import.meta.url));
const packages = join(root, 'packages');
const to = resolve(root, values.to);
const published = readdirSync(packages).filter((name) => !manifestOf(name).private);

const run = (command, args) => execFileSync(command, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
const filters = published.map((name) => `--filter=${manifestOf(name).name}`);

run('npx', ['-y', 'pnpm@12', 'exec', 'turbo', 'run', 'build', '--output-logs=errors-only', ...filters]);
const tarballs = published.map((name) => {
  const { name: title, version } = manifestOf(name);
  return join(to, `${title.replace('@', '').replace('/', '-')}-${version}.tgz`);
});
mkdirSync(to, { recursive: true });
for (const tarball of tarballs) rmSync(tarball, { force: true });
try {
  // One after the other: two of them make the prebuilt addon.
  run('npx', ['-y', 'pnpm@12', '--workspace-concurrency=1', ...filters, 'pack', '--pack-destination', to]);
} finally {
  // If packing failed, so that postpack did not run: addons left here would be loaded in preference to newer ones.
  rmSync(join(packages, 'cli/prebuilds'), { recursive: true, force: true });
}
for (const tarball of tarballs) {
  if (!existsSync(tarball)) throw new Error(`pnpm pack did not make ${tarball}`);
  console.log(tarball);
}

const missing = values.require
  .split(',')
  .filter((platform) => platform !== '' && !existsSync(join(packages, 'native/prebuilds', `${platform}.node`)));
if (missing.length > 0) {
  console.error(`no prebuilt addon for ${missing.join(', ')}: run make-prebuild there, and put the result into packages/native/prebuilds`);
  process.exitCode = 1;
}

function manifestOf(name) {
  return JSON.parse(readFileSync(join(packages, name, 'package.json'), 'utf8'));
}

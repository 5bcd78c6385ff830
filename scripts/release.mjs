// The steps of a release that are not done by hand: docs/releasing.md.
//   node scripts/release.mjs rehearse        versions in a copy of the last commit
//   node scripts/release.mjs check v0.2.0    whether what is here can be published under this tag
//   node scripts/release.mjs publish         to npm, with provenance; in the workflow release.yml
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
/** Of the addon; the rest is the same everywhere. */
const PLATFORMS = ['linux-x64-glibc', 'linux-arm64-glibc', 'linux-x64-musl', 'linux-arm64-musl'];

function fail(reason) {
  console.error(`release.mjs: ${reason}`);
  process.exit(1);
}

const run = (folder, program, ...args) =>
  execFileSync(program, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8' });

function packages(root) {
  const folders = readdirSync(join(root, 'packages')).map((name) => join(root, 'packages', name));
  return folders.map((folder) => ({ folder, ...JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }));
}

function theVersion(root) {
  const versions = new Set(packages(root).map(({ version }) => version));
  if (versions.size > 1) fail(`packages have different versions: ${[...versions].join(', ')}; must be one`);
  return [...versions][0];
}

function rehearse() {
  const copy = mkdtempSync(join(tmpdir(), 'nfqlb-release-'));
  try {
    run(ROOT, 'git', 'clone', '--quiet', '.', copy);
    for (const folder of ['.', ...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name))]) {
      const modules = join(ROOT, folder, 'node_modules');
      if (existsSync(modules)) symlinkSync(modules, join(copy, folder, 'node_modules'));
    }
    const before = theVersion(copy);
    run(copy, process.execPath, join(ROOT, 'node_modules/@changesets/cli/bin.js'), 'version');
    const left = readdirSync(join(copy, '.changeset')).filter((name) => name.endsWith('.md') && name !== 'README.md');
    if (left.length > 0) fail(`changesets are left: ${left.join(', ')}`);
    console.log(`${before} → ${theVersion(copy)}`);
    const all = packages(copy);
    for (const { name, private: isPrivate, folder, dependencies = {} } of all) {
      if (!existsSync(join(folder, 'CHANGELOG.md'))) fail(`${name} has no CHANGELOG.md`);
      const unpublished = all.filter((each) => each.private && each.name in dependencies);
      if (!isPrivate && unpublished.length > 0) {
        fail(`${name} needs ${unpublished[0].name}, which is private: bundle it (devDependencies) or publish it`);
      }
    }
    console.log(
      `to be published: ${all
        .filter((each) => !each.private)
        .map(({ name }) => name)
        .join(', ')}`,
    );
  } finally {
    rmSync(copy, { recursive: true });
  }
}

function check(tag) {
  const version = theVersion(ROOT);
  if (tag !== `v${version}`) fail(`tag ${tag}: must be v${version}, the version of the packages`);
  const changesets = readdirSync(join(ROOT, '.changeset')).filter((name) => name.endsWith('.md') && name !== 'README.md');
  if (changesets.length > 0) fail(`${changesets.length} changesets are left: run npx changeset version`);
  if (!readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8').includes(`\n## ${version}`)) fail(`CHANGELOG.md has no section ## ${version}`);
  const { GITHUB_REPOSITORY: here } = process.env;
  for (const { name, repository, private: isPrivate } of packages(ROOT)) {
    if (isPrivate || here === undefined || repository.url === `git+https://github.com/${here}.git`) continue;
    fail(`${name}: repository.url in its package.json is ${repository.url}; must be git+https://github.com/${here}.git, this repository`);
  }
  for (const platform of PLATFORMS) {
    const addon = join('packages/native/prebuilds', `${platform}.node`);
    if (!existsSync(join(ROOT, addon))) fail(`${addon} is missing: pnpm --filter @nfqlb/native run make-prebuild on that platform`);
  }
  console.log(`${tag} can be published`);
}

function publish() {
  const folder = mkdtempSync(join(tmpdir(), 'nfqlb-publish-'));
  const shown = { cwd: ROOT, stdio: 'inherit' };
  execFileSync(process.execPath, ['scripts/pack.mjs', `--to=${folder}`, `--require=${PLATFORMS}`], shown);
  for (const tarball of readdirSync(folder))
    execFileSync('npm', ['publish', join(folder, tarball), '--access=public', '--provenance'], shown);
}

const [step, tag, ...more] = process.argv.slice(2);
if (step === 'rehearse' && tag === undefined) rehearse();
else if (step === 'check' && tag !== undefined && more.length === 0) check(tag);
else if (step === 'publish' && tag === undefined) publish();
else fail(`${process.argv.slice(2).join(' ')}: must be rehearse, check TAG or publish`);

// Compiles the prebuilt addon, prebuilds/linux-x64-glibc.node, unless there is one from these sources. N-API is the same in all versions of
// Node, so there is one file for each architecture and C library.
//
//   node scripts/prebuild.mjs                     for this machine
//   node scripts/prebuild.mjs --libc=musl         for musl; on Debian, with the package musl-dev
//   node scripts/prebuild.mjs --arch=arm64        with Debian's cross compiler
//   node scripts/prebuild.mjs --copy-to=FOLDER    and copy all prebuilt addons, with the licences in them, into another package
import { copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { licences, thirdParty } from '../../../scripts/third-party.mjs';
import { isLinkedWithMusl, isNewer, neededVersions, OLDEST } from './c-library.mjs';
import { compile, fail, platform, platformOf, root } from './compile.mjs';
import { hasTheseSources, isCurrent, note, replace } from './source-digest.mjs';

const { values } = parseArgs({ options: { arch: { type: 'string' }, libc: { type: 'string' }, 'copy-to': { type: 'string' } } });
const { arch, libc } = values;
if (libc !== undefined && libc !== 'glibc' && libc !== 'musl') fail(`--libc=${libc}: must be glibc or musl`);

const folder = join(root, 'prebuilds');
const target = platformOf(arch, libc);
const prebuilt = join(folder, `${target}.node`);
const built = join(root, 'build/Release/nfqlb.node');
if (!existsSync(prebuilt) || !hasTheseSources(prebuilt)) {
  mkdirSync(folder, { recursive: true });
  // Two of these scripts may run at once: the note first, since an addon without one is removed; and the addon in one step.
  rmSync(prebuilt, { force: true });
  note(prebuilt, target);
  // What `build` has compiled here is the same.
  if (target === platform && isCurrent(built)) {
    copyFileSync(built, `${prebuilt}.${process.pid}`);
    renameSync(`${prebuilt}.${process.pid}`, prebuilt);
  } else {
    compile(prebuilt, { arch, libc });
  }
}

// Its headers are compiled into the addon.
const headers = dirname(createRequire(import.meta.url).resolve('node-addon-api/package.json'));
const notices = join(folder, 'third-party-licences.txt');
replace(notices, licences([thirdParty(headers)]));

const all = readdirSync(folder)
  .filter((name) => name.endsWith('.node'))
  .map((name) => join(folder, name));
for (const file of all) {
  if (!hasTheseSources(file)) {
    // As `build` does.
    console.error(`@nfqlb/native: removed ${file}: it was built from other sources`);
    for (const part of [file, `${file}.json`]) rmSync(part, { force: true });
    continue;
  }
  const needed = neededVersions(file);
  const isForMusl = file.endsWith('-musl.node');
  if (isForMusl !== isLinkedWithMusl(file)) {
    rmSync(file);
    fail(`${basename(file)} is linked with ${isForMusl ? 'another C library than musl' : 'musl'}`);
  }
  for (const [library, oldest] of Object.entries(OLDEST)) {
    if (needed[library] === undefined || !isNewer(needed[library], oldest)) continue;
    rmSync(file);
    fail(`${basename(file)} needs ${library}_${needed[library]}, Node itself only ${library}_${oldest}: compile it on Debian 12 or older`);
  }
  const versions = Object.entries(needed).map(([library, version]) => `${library}_${version}`);
  console.log(`${file}: needs ${[...(isForMusl ? ['musl'] : []), ...versions].join(', ')}`);
}

if (values['copy-to'] !== undefined) {
  mkdirSync(values['copy-to'], { recursive: true });
  for (const file of [...all.filter((addon) => existsSync(addon)), notices]) copyFileSync(file, join(values['copy-to'], basename(file)));
}

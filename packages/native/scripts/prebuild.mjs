// Compiles the addon and lays it down as the prebuilt one for this platform: prebuilds/linux-x64-glibc.node. To be run on the oldest
// glibc that is to be supported.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
execFileSync(process.execPath, [join(root, 'scripts/build.mjs')], { stdio: 'inherit' });
const libc = process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl';
const prebuilt = join(root, 'prebuilds', `${process.platform}-${process.arch}-${libc}.node`);
mkdirSync(dirname(prebuilt), { recursive: true });
copyFileSync(join(root, 'addon/build/Release/nfqlb.node'), prebuilt);
console.log(prebuilt);

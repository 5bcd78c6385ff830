// Compiles the addon, unless a prebuilt one fits, or what is there was made from these sources for this Node.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const addon = join(dirname(fileURLToPath(import.meta.url)), '../addon');
const stamp = join(addon, 'build/Release/made-for.json');

const libc = process.report.getReport().header.glibcVersionRuntime;
if (existsSync(join(addon, '../prebuilds', `${process.platform}-${process.arch}-${libc ? 'glibc' : 'musl'}.node`))) process.exit();

const sources = readdirSync(addon)
  .filter((name) => /\.(cc|h|gyp)$/.test(name))
  .sort();
const madeFor = JSON.stringify({
  // N-API 9 is the same for all of them, but the headers are those of the machine.
  node: process.versions.node,
  libc: libc ?? 'musl',
  arch: process.arch,
  sources: sources.reduce((hash, name) => hash.update(readFileSync(join(addon, name))), createHash('sha256')).digest('hex'),
});
if (existsSync(join(addon, 'build/Release/nfqlb.node')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === madeFor) process.exit();

for (const tool of ['g++', 'make', 'python3']) {
  if (spawnSync(tool, ['--version']).error) {
    console.error(`@nfqlb/native: ${tool} is missing, and no prebuilt addon fits; on Debian: apt-get install g++ make python3`);
    process.exit(1);
  }
}
// The headers that came with this Node, where they did; else node-gyp fetches them.
const prefix = dirname(dirname(process.execPath));
const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const result = spawnSync(process.execPath, [gyp, 'rebuild', '--directory', addon, '--release', ...nodedir], { encoding: 'utf8' });
if (result.status !== 0) {
  console.error(result.stdout + result.stderr);
  process.exit(1);
}
execFileSync('strip', ['--strip-debug', join(addon, 'build/Release/nfqlb.node')]);
writeFileSync(stamp, madeFor);

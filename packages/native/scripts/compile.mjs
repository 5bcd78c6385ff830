// Compiles the addon with node-gyp. Shared by the other scripts here.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Musl } from './musl.mjs';

/** This package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
/** The C library of this Node. */
const own = header.glibcVersionRuntime ? 'glibc' : 'musl';

/**
 * Platform in the names of prebuilt addons: linux-x64-glibc.
 *
 * @param {string} arch
 * @param {string} libc
 */
export const platformOf = (arch = process.arch, libc = own) => `${process.platform}-${arch}-${libc}`;
export const platform = platformOf();

/**
 * Prefix of the tools that compile for another architecture, by Node's name for it.
 *
 * @type {Readonly<Record<string, string>>}
 */
const CROSS = { arm64: 'aarch64-linux-gnu-', x64: 'x86_64-linux-gnu-' };

/**
 * Prints the reason in one line and exits.
 *
 * @param {string} reason
 * @returns {never}
 */
export function fail(reason) {
  console.error(`@nfqlb/native: ${reason}`);
  process.exit(1);
}

/**
 * Compiles the addon and moves it to `file` atomically, so that running programs find either the old or the new one.
 *
 * @typedef {object} Target
 * @property {readonly string[]} [defines] variables of binding.gyp, as `name=value`
 * @property {string | undefined} [arch] Node's name for the architecture: another one than this machine's needs Debian's cross compiler
 * @property {string | undefined} [libc] glibc or musl; musl on Debian needs its headers
 *
 * @param {string} file
 * @param {Target} target
 */
export function compile(file, { defines = [], arch = process.arch, libc = own } = {}) {
  const isCross = arch !== process.arch;
  if (platformOf(arch, libc) !== platform && (own !== 'glibc' || (isCross && CROSS[arch] === undefined))) {
    fail(
      `${platformOf(arch, libc)} cannot be compiled on ${platform}: only ${Object.keys(CROSS).join(' and ')} on Debian; run this on such a machine`,
    );
  }
  const prefix = (isCross && CROSS[arch]) || '';
  const compiler = isCross ? `g++-${prefix.slice(0, -1).replaceAll('_', '-')}` : 'g++';
  for (const tool of [`${prefix}g++`, 'make', 'python3']) {
    if (spawnSync(tool, ['--version']).error) {
      fail(`${tool} is missing, and no prebuilt addon fits; on Debian: apt-get install ${compiler} make python3`);
    }
  }
  const forMusl = libc === own ? undefined : new Musl(`${prefix}g++`);
  if (forMusl && !existsSync(forMusl.headers)) {
    fail(`${forMusl.headers} is missing; on Debian: apt-get install musl-dev${isCross ? `:${arch}` : ''}`);
  }
  // Use the headers that came with this Node, if any; otherwise node-gyp downloads them.
  const nodePrefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(nodePrefix, 'include/node/node_api.h')) ? [`--nodedir=${nodePrefix}`] : [];
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Build in a copy: node-gyp builds next to the sources, and first removes its previous output.
  const folder = join(root, `build/compile-${process.pid}`);
  const output = join(folder, 'build/Release/nfqlb.node');
  cpSync(join(root, 'addon'), folder, { recursive: true });
  const variables = defines.map((define) => `-D${define}`);
  const command = [gyp, 'rebuild', '--directory', folder, '--release', `--arch=${arch}`, ...nodedir, '--', ...variables];
  const tools = isCross ? { CC: `${prefix}gcc`, CXX: `${prefix}g++`, AR: `${prefix}ar` } : {};
  const flags = forMusl?.flags(folder);
  const { status, stdout, stderr } = spawnSync(process.execPath, command, {
    encoding: 'utf8',
    env: { ...process.env, ...tools, ...flags },
  });
  if (status === 0) {
    execFileSync(`${prefix}strip`, ['--strip-debug', output]);
    mkdirSync(dirname(file), { recursive: true });
    renameSync(output, file);
  } else {
    process.stderr.write(stdout + stderr);
  }
  rmSync(folder, { recursive: true });
  if (status !== 0) fail('the addon could not be compiled');
}

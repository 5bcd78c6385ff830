// Compiles the addon with node-gyp. Shared by the other scripts here.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** As prebuilt addons are named: linux-x64-glibc. */
export const platform = `${process.platform}-${process.arch}-${process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'}`;

/** Says why in one line and ends the program. */
export function fail(reason) {
  console.error(`@nfqlb/native: ${reason}`);
  process.exit(1);
}

/**
 * Compiles the addon and lays it down as `file`, whole, so that programs that run meanwhile find one, the old or the new.
 *
 * @param defines variables of binding.gyp, as `name=value`
 */
export function compile(file, defines = []) {
  for (const tool of ['g++', 'make', 'python3']) {
    if (spawnSync(tool, ['--version']).error) {
      fail(`${tool} is missing, and no prebuilt addon fits; on Debian: apt-get install g++ make python3`);
    }
  }
  // The headers that came with this Node, where they did; else node-gyp fetches them.
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // In a copy: node-gyp builds beside the sources, and begins by removing what it built before.
  const folder = join(root, `build/compile-${process.pid}`);
  const made = join(folder, 'build/Release/nfqlb.node');
  cpSync(join(root, 'addon'), folder, { recursive: true });
  const variables = defines.map((define) => `-D${define}`);
  const command = [gyp, 'rebuild', '--directory', folder, '--release', ...nodedir, '--', ...variables];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status === 0) {
    execFileSync('strip', ['--strip-debug', made]);
    mkdirSync(dirname(file), { recursive: true });
    renameSync(made, file);
  } else {
    process.stderr.write(stdout + stderr);
  }
  rmSync(folder, { recursive: true });
  if (status !== 0) fail('the addon could not be compiled');
}

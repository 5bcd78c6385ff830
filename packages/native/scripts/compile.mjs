// Compiles the addon with node-gyp. Shared by the other scripts here.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** This package. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Platform in the names of prebuilt addons: linux-x64-glibc. */
export const platform = `${process.platform}-${process.arch}-${process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'}`;

/** Prints the reason in one line and exits. */
export function fail(reason) {
  console.error(`@nfqlb/native: ${reason}`);
  process.exit(1);
}

/**
 * Compiles the addon and moves it to `file` atomically, so that running programs find either the old or the new one.
 *
 * @param defines variables of binding.gyp, as `name=value`
 */
export function compile(file, defines = []) {
  for (const tool of ['g++', 'make', 'python3']) {
    if (spawnSync(tool, ['--version']).error) {
      fail(`${tool} is missing, and no prebuilt addon fits; on Debian: apt-get install g++ make python3`);
    }
  }
  // Use the headers that came with this Node, if any; otherwise node-gyp downloads them.
  const prefix = dirname(dirname(process.execPath));
  const nodedir = existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  // Build in a copy: node-gyp builds next to the sources, and first removes its previous output.
  const folder = join(root, `build/compile-${process.pid}`);
  const output = join(folder, 'build/Release/nfqlb.node');
  cpSync(join(root, 'addon'), folder, { recursive: true });
  const variables = defines.map((define) => `-D${define}`);
  const command = [gyp, 'rebuild', '--directory', folder, '--release', ...nodedir, '--', ...variables];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: 'utf8' });
  if (status === 0) {
    execFileSync('strip', ['--strip-debug', output]);
    mkdirSync(dirname(file), { recursive: true });
    renameSync(output, file);
  } else {
    process.stderr.write(stdout + stderr);
  }
  rmSync(folder, { recursive: true });
  if (status !== 0) fail('the addon could not be compiled');
}

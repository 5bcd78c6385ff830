// Programs as they are started in a clone: built first, but only if something they are made of has changed. turbo would need
// seconds to find that nothing has.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What all packages are built with. */
const SHARED = ['package.json', 'pnpm-lock.yaml', 'tsconfig.base.json', 'turbo.json', 'scripts'];

/** Folders of a package that are made by building, testing or installing. */
const MADE = /^(node_modules|dist|build(-.*)?|prebuilds|coverage|\.turbo)$/;

/** Files that no program is made of. */
const UNUSED = /\.(test\.m?ts|test\.mjs|tsbuildinfo)$/;

/** Runs a program of a package in this process, as if it had been started itself. */
export async function runProgram(packageName, program) {
  const path = ensureBuilt(packageName, program);
  process.argv[1] = path;
  await import(pathToFileURL(path).href);
}

/**
 * Builds the package if a program's bundle is older than anything it is made of. What the build says is shown only if it fails;
 * then this process ends.
 *
 * @returns the bundle's path
 */
export function ensureBuilt(packageName, program) {
  const bundle = join(ROOT, 'packages', packageName, 'dist', `${program}.js`);
  const newest = Math.floor(Math.max(...inputsOf(packageName).map(newestChange)));
  const built = statSync(bundle, { throwIfNoEntry: false });
  if (built && Math.round(built.mtimeMs) >= newest) return bundle;
  if (process.stderr.isTTY) process.stderr.write(`building ${program} …\n`);
  const turbo = join(ROOT, 'node_modules/.bin/turbo');
  const { status, error, stdout, stderr } = spawnSync(
    turbo,
    ['run', 'build', `--filter=@nfqlb/${packageName}`, '--output-logs=errors-only'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 1 << 30,
      env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1' },
    },
  );
  if (status !== 0) {
    process.stderr.write(error ? `${program}: cannot be built: ${error.message}; run pnpm install\n` : `${stdout}${stderr}`);
    process.exit(1);
  }
  // A bundle from turbo's cache has an old time. What was changed during the build is newer than this.
  utimesSync(bundle, newest / 1000, newest / 1000);
  return bundle;
}

/** Files and folders that a package's programs are made of: its own, and those of the packages it depends on. */
function inputsOf(packageName) {
  const packages = new Set([packageName]);
  // Grows while it is iterated.
  for (const name of packages) {
    const { dependencies = {} } = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'package.json'), 'utf8'));
    for (const [dependency, version] of Object.entries(dependencies)) {
      if (version.startsWith('workspace:')) packages.add(dependency.replace('@nfqlb/', ''));
    }
  }
  const ofPackages = [...packages].flatMap((name) => {
    const folder = join(ROOT, 'packages', name);
    return readdirSync(folder)
      .filter((entry) => !MADE.test(entry) && !UNUSED.test(entry))
      .map((entry) => join(folder, entry));
  });
  return [...SHARED.map((path) => join(ROOT, path)), ...ofPackages];
}

/**
 * When a file, or anything in a folder, was last changed, in milliseconds. By ctime: unlike mtime, it also changes when an older file is
 * copied or moved there. A folder's own shows what was removed from it.
 */
function newestChange(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return 0;
  if (!stats.isDirectory()) return stats.ctimeMs;
  let newest = stats.ctimeMs;
  for (const entry of readdirSync(path)) {
    if (!MADE.test(entry) && !UNUSED.test(entry)) newest = Math.max(newest, newestChange(join(path, entry)));
  }
  return newest;
}

import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';

const PACKAGES = fileURLToPath(new URL('../..', import.meta.url));
const SOURCES = join(PACKAGES, 'fuzz/src');
const SUFFIX = '.fuzz.ts';

/** binding.ts looks for the addon relative to its own file; in a bundle it has another path. */
const ADDON: Plugin = {
  name: 'addon',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/native\/src\/binding\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)),
      loader: 'ts',
    })),
};

/** All targets of the repository: name → file. */
export function findTargets(): ReadonlyMap<string, string> {
  const files = readdirSync(PACKAGES).flatMap((name) => {
    const folder = join(PACKAGES, name, 'src');
    try {
      return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file));
    } catch {
      return [];
    }
  });
  const targets = files.filter((file) => file.endsWith(SUFFIX)).map((file) => [basename(file, SUFFIX), file] as const);
  return new Map(targets.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The targets as programs, in a temporary folder. */
export class TargetPrograms {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nfqlb-fuzz-'));

  /** @param options as for `one-target.ts`, without the corpus */
  async run(name: string, options: readonly string[]): Promise<{ readonly passed: boolean; readonly output: string }> {
    const program = join(this.#folder, name);
    const file = findTargets().get(name)!;
    const source = ['./one-target.ts', file].map((path) => JSON.stringify(path));
    await build({
      stdin: {
        contents: `import { tryTarget } from ${source[0]}; import target from ${source[1]}; await tryTarget(target, import.meta.url);`,
        resolveDir: SOURCES,
      },
      ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm', conditions: ['@nfqlb/source'], sourcemap: 'inline' },
      banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
      plugins: [ADDON],
      outfile: join(program, 'target.mjs'),
      logLevel: 'warning',
    });
    await build({
      entryPoints: [join(SOURCES, 'watchdog.ts')],
      ...{ bundle: true, platform: 'node', target: 'node20', format: 'esm' },
      outfile: join(program, 'watchdog.js'),
      logLevel: 'warning',
    });
    const corpus = join(PACKAGES, 'fuzz/corpus', `${name}.txt`);
    const command = ['--enable-source-maps', join(program, 'target.mjs'), `--corpus=${corpus}`, ...options];
    return new Promise((resolve) => {
      execFile(process.execPath, command, { encoding: 'utf8', maxBuffer: 1 << 26 }, (error, stdout, stderr) =>
        resolve({ passed: error === null, output: stdout + stderr }),
      );
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

// Bundles each program into one file: `node ../../scripts/bundle.mjs src/sim.ts …`, in a package's folder, writes
// dist/sim.js (or to --outdir). Dynamic imports go to separate files beside it, part-*.js.
//
// With --page=src/page/page.ts it also writes dist/page.html, one file with all that the page needs (bundle-page.mjs).
//
// Beside the programs that package.json names in `bin` goes what starts them (launcher).
//
// Beside them go third-party.json, the packages of others that are inside, and third-party-licences.txt.
//
// Those that follow `--alone` share no part with others, and so have all constants in their own file (constants.mjs). Packages named
// by `--external` are not bundled.
//
// Bundled commands start in little more time than Node itself. Bundles are built from the sources (the private export
// condition), so that programs and libraries can be built in parallel.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundlePage } from './bundle-page.mjs';
import { keepConstants } from './constants.mjs';
import { bundledPackages, licences } from './third-party.mjs';

const { values, positionals } = parseArgs({
  options: {
    outdir: { type: 'string', default: 'dist' },
    alone: { type: 'string', multiple: true, default: [] },
    external: { type: 'string', multiple: true, default: [] },
    page: { type: 'string' },
  },
  allowPositionals: true,
});

// Names of parts depend on their content: remove the old ones.
for (const name of existsSync(values.outdir) ? readdirSync(values.outdir) : []) {
  if (/\.js(\.map)?$/.test(name)) rmSync(join(values.outdir, name));
}

mkdirSync(values.outdir, { recursive: true });

/** Bundles programs that share parts. Returns what each file contains. */
async function bundle(sources) {
  const { metafile, outputFiles } = await build({
    // All outputs go to one folder, whatever folder the source is in.
    entryPoints: sources.map((source) => ({ in: source, out: basename(source, '.ts') })),
    outdir: values.outdir,
    write: false,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    conditions: ['@nfqlb/source'],
    external: values.external,
    splitting: true,
    chunkNames: 'part-[hash]',
    sourcemap: 'linked',
    // commander is CommonJS and loads Node's built-in modules with require().
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
    },
    metafile: true,
    logLevel: 'warning',
  });
  for (const { path, text } of outputFiles) writeFileSync(path, path.endsWith('.js') ? await keepConstants(text) : text);
  return metafile;
}

const groups = [positionals, ...values.alone.map((source) => [source])].filter((sources) => sources.length > 0);
const bundles = await Promise.all(groups.map(bundle));

const page = values.page === undefined ? [] : [await bundlePage(values.page, values.outdir)];
const { bin = {} } = JSON.parse(readFileSync('package.json', 'utf8'));
for (const file of Object.values(bin)) copyFileSync(new URL('launcher', import.meta.url), join(values.outdir, basename(file)));

const packages = bundledPackages([...bundles, ...page]);
const list = packages.map(({ name, version, license }) => ({ name, version, license }));
writeFileSync(join(values.outdir, 'third-party.json'), `${JSON.stringify(list, undefined, 2)}\n`);
writeFileSync(join(values.outdir, 'third-party-licences.txt'), licences(packages));

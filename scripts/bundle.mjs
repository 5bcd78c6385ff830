// Bundles each program into one file: `node ../../scripts/bundle.mjs src/sim.ts …`, in a package's folder, writes
// dist/sim.js (or to --outdir). Dynamic imports go to separate files beside it, part-*.js.
//
// Beside them go third-party.json, the packages of others that are inside, and third-party-licences.txt.
//
// Bundled commands start in little more time than Node itself. Bundles are built from the sources (the private export
// condition), so that programs and libraries can be built in parallel.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { bundledPackages, licences } from './third-party.mjs';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { outdir: { type: 'string', default: 'dist' } } });

// Names of parts depend on their content: remove the old ones.
for (const name of existsSync(values.outdir) ? readdirSync(values.outdir) : []) {
  if (/\.js(\.map)?$/.test(name)) rmSync(join(values.outdir, name));
}

const { metafile } = await build({
  // All outputs go to one folder, whatever folder the source is in.
  entryPoints: positionals.map((source) => ({ in: source, out: basename(source, '.ts') })),
  outdir: values.outdir,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  conditions: ['@nfqlb/source'],
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

const packages = bundledPackages(metafile);
const list = packages.map(({ name, version, license }) => ({ name, version, license }));
writeFileSync(join(values.outdir, 'third-party.json'), `${JSON.stringify(list, undefined, 2)}\n`);
writeFileSync(join(values.outdir, 'third-party-licences.txt'), licences(packages));

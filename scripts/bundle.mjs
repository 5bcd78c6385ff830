// Makes a file of each program: `node ../../scripts/bundle.mjs src/sim.ts …`, in a package's folder, gives dist/sim.js
// (or elsewhere with --outdir). What a program imports only when it needs it is in files beside it, part-*.js.
//
// A command then starts in little more than Node itself. It is bundled from the sources (the private export condition), so
// that the libraries' builds and the programs' need not wait for each other.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { outdir: { type: 'string', default: 'dist' } } });

// Parts have other names when they are other ones.
for (const name of existsSync(values.outdir) ? readdirSync(values.outdir) : []) {
  if (/\.js(\.map)?$/.test(name)) rmSync(join(values.outdir, name));
}

await build({
  // All side by side in one folder, whatever folder a source is in.
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
  // commander is CommonJS, and asks for Node's own modules with require().
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});

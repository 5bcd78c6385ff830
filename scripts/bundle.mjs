// Makes one file of each program: `node ../../scripts/bundle.mjs src/sim.ts …`, in a package's folder, gives dist/sim.js
// (or elsewhere with --outdir).
//
// A command then starts in little more than Node itself. It is bundled from the sources (the private export condition), so
// that the libraries' builds and the programs' need not wait for each other.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { outdir: { type: 'string', default: 'dist' } } });

await build({
  // All side by side in one folder, whatever folder a source is in.
  entryPoints: positionals.map((source) => ({ in: source, out: basename(source, '.ts') })),
  outdir: values.outdir,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  conditions: ['@nfqlb/source'],
  // What a package imports from itself is a file beside the program, read only by those who need it.
  external: ['#*'],
  sourcemap: 'linked',
  // commander is CommonJS, and asks for Node's own modules with require().
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});

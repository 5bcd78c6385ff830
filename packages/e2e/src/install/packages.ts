import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../processes/running.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** What tests look at in a package.json. */
export interface Manifest {
  readonly name: string;
  readonly repository: { readonly directory: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

/** A tarball as it is published. */
export interface Tarball {
  readonly file: string;
  /** Its package.json. */
  readonly manifest: Manifest;
}

/** Runs `pnpm pack:all` and returns the tarballs. */
export async function pack(to: string): Promise<Tarball[]> {
  await run(['node', join(ROOT, 'scripts/pack.mjs'), `--to=${to}`]);
  const files = (await readdir(to)).filter((name) => name.endsWith('.tgz')).sort();
  return Promise.all(
    files.map(async (name) => {
      const file = join(to, name);
      return { file, manifest: JSON.parse(await run(['tar', '-xzOf', file, 'package/package.json'])) };
    }),
  );
}

/** The files in a tarball. */
export async function filesIn({ file }: Tarball): Promise<string[]> {
  return (await run(['tar', '-tzf', file]))
    .split('\n')
    .filter((name) => name !== '')
    .map((name) => name.replace(/^package\//, ''));
}

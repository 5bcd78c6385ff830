import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../processes/running.js';

/** The releases of Node that the packages are installed with: the last one of each line that is maintained. */
const RELEASES = { 20: '20.20.2', 22: '22.23.5', 24: '24.22.3' } as const;

export type NodeLine = keyof typeof RELEASES;

const FOLDER = fileURLToPath(new URL('../../build/node/', import.meta.url));

/** The program `node` of that line: the one that runs this if it fits, else from the npm package that contains it (190 MB, kept). */
export async function nodeRelease(line: NodeLine): Promise<string> {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath;
  const name = `node-linux-${process.arch}`;
  const folder = `${FOLDER}${RELEASES[line]}`;
  const node = `${folder}/node_modules/${name}/bin/node`;
  if (!existsSync(node))
    await run(['npm', 'install', '--no-save', '--no-audit', '--no-fund', '--prefix', folder, `${name}@${RELEASES[line]}`]);
  return node;
}

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TestingError } from '../testing-error.js';

/**
 * The command line of nfqlb.
 *
 * @param program a path; default: NFQLB_PROGRAM, or the package `@nfqlb/cli`
 */
export function programCommand(program: string | undefined = process.env.NFQLB_PROGRAM): readonly string[] {
  const path = program ?? installed();
  return /\.[cm]?js$/.test(path) ? [process.execPath, path] : [path];
}

function installed(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('@nfqlb/cli/package.json')), 'dist/nfqlb.js');
  } catch (error) {
    const problem = 'NFQLB_WORLD=live: there is no nfqlb: npm install --save-dev @nfqlb/cli, or set NFQLB_PROGRAM to its path';
    throw new TestingError(problem, { cause: error });
  }
}

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { E2eError } from '../e2e-error.js';

const REPOSITORY = fileURLToPath(new URL('../../../../', import.meta.url));
const CORE = join('packages', 'core');
const CONSTANTS = new URL('../../../../scripts/constants.mjs', import.meta.url).href;

/** A revision's core, compiled with this working tree's workloads. */
export class Revision implements Disposable {
  readonly name: string;
  readonly #folder: string;

  private constructor(name: string) {
    this.name = name;
    this.#folder = mkdtempSync(join(tmpdir(), 'nfqlb-regress-'));
  }

  /**
   * @param name anything that git knows, such as `main`; `undefined` for the working tree with all that is not committed
   * @throws {@link E2eError}
   */
  static async of(name: string | undefined): Promise<Revision> {
    const revision = new Revision(name ?? 'working tree');
    try {
      const sources = join(revision.#folder, CORE);
      mkdirSync(sources, { recursive: true });
      if (name === undefined) cpSync(join(REPOSITORY, CORE, 'src'), join(sources, 'src'), { recursive: true });
      else extract(commitOf(name), revision.#folder);
      // The same workloads for both revisions.
      rmSync(join(sources, 'bench'), { recursive: true, force: true });
      cpSync(join(REPOSITORY, CORE, 'bench'), join(sources, 'bench'), { recursive: true });
      revision.#compile(sources);
      await revision.#keepConstants();
      return revision;
    } catch (error) {
      revision[Symbol.dispose]();
      throw error;
    }
  }

  #compile(sources: string): void {
    const entry = (path: string): string => join(sources, 'src', path, 'index.ts');
    const aliases = ['testing', 'flows'].map((path) => `--alias:@nfqlb/core/${path}=${entry(path)}`);
    const options = ['--bundle', '--platform=node', '--format=esm', '--log-level=warning', `--outfile=${this.program}`];
    try {
      // A revision's core needs no packages; what generates test packets does, and finds them here.
      execFileSync(
        process.execPath,
        [
          join(REPOSITORY, 'node_modules/esbuild/bin/esbuild'),
          join(sources, 'bench/regress/measure.ts'),
          `--alias:@nfqlb/core=${entry('')}`,
          ...aliases,
          ...options,
        ],
        { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_PATH: join(REPOSITORY, 'node_modules') } },
      );
    } catch (error) {
      const { stderr = '' } = error as { stderr?: string };
      throw new E2eError('conflict', `${this.name}: its core does not compile with these workloads: ${stderr.trim().split('\n')[0]}`);
    }
  }

  /** As the worker is bundled, of both revisions. */
  async #keepConstants(): Promise<void> {
    const { keepConstants } = (await import(CONSTANTS)) as { keepConstants: (text: string) => Promise<string> };
    writeFileSync(this.program, await keepConstants(readFileSync(this.program, 'utf8')));
  }

  /** A program for Node.js: packages/core/bench/regress/measure.ts. */
  get program(): string {
    return join(this.#folder, 'measure.mjs');
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function commitOf(name: string): string {
  try {
    return git('rev-parse', '--verify', '--quiet', '--end-of-options', `${name}^{commit}`).trim();
  } catch {
    throw new E2eError('conflict', `--base: ${name}: no such revision of this repository; see: git log`);
  }
}

function extract(commit: string, folder: string): void {
  const archive = execFileSync('git', ['archive', commit, join(CORE, 'src')], { cwd: REPOSITORY, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: REPOSITORY, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

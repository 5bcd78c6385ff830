import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A program of this folder, bundled into one file, for other processes and threads than the test's: they cannot load TypeScript. */
export class TestProgram {
  readonly file: string;
  readonly #folder: string;

  private constructor(folder: string, file: string) {
    this.#folder = folder;
    this.file = file;
  }

  /** @param name of the source, without `.ts` */
  static async make(name: string): Promise<TestProgram> {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-native-'));
    // Readable for other users, too.
    chmodSync(folder, 0o755);
    const file = join(folder, `${name}.mjs`);
    await build({
      entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
      outfile: file,
      bundle: true,
      platform: 'node',
      format: 'esm',
      conditions: ['@nfqlb/source'],
      // binding.ts looks for the addon relative to its own file; a bundle has another path.
      define: { 'import.meta.url': JSON.stringify(new URL('../binding.ts', import.meta.url).href) },
      logLevel: 'warning',
    });
    return new TestProgram(folder, file);
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

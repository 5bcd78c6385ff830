import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A command of a `console` block, and what it prints. */
export interface Step {
  readonly command: readonly string[];
  readonly output: string;
}

/** The README of a published package, with what its examples do and print. */
export class Readme {
  readonly #text: string;

  /** @param folder in the repository */
  constructor(folder: string) {
    this.#text = readFileSync(fileURLToPath(new URL(`../../../../${folder}/README.md`, import.meta.url)), 'utf8');
  }

  /** The only block in that language. */
  block(language: string): string {
    const blocks = [...this.#text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))];
    if (blocks.length !== 1) throw new Error(`README: ${blocks.length} blocks in ${language}, should be 1`);
    return blocks[0]![1]!;
  }

  /** The commands after each `$` in the `console` block. */
  steps(): Step[] {
    return this.block('console')
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [line, ...output] = step.split('\n');
        return { command: line!.split(' '), output: output.join('\n') };
      });
  }
}

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A program with nfqlb's commands. */
export interface Program {
  readonly name: string;
  readonly command: readonly string[];
}

const BUILT = fileURLToPath(new URL('../../../cli/dist/nfqlb.js', import.meta.url));

/** The build of this project. */
export const NFQLB: Program = { name: 'nfqlb', command: [process.execPath, BUILT] };

/** C nfqlb, for comparison: the program named by the environment variable NFQLB_C. */
export const C_NFQLB: Program | undefined = process.env.NFQLB_C ? { name: 'c', command: [process.env.NFQLB_C] } : undefined;

export function isBuilt({ command }: Program): boolean {
  return existsSync(command.at(-1)!);
}

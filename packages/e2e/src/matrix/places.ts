// Where the matrix is kept: the last run's as JSON, and the table in the README.

import { fileURLToPath } from 'node:url';

/** Where the last run's matrix is stored as JSON, with a Markdown copy next to it. */
export const LAST_RUN: string = fileURLToPath(new URL('../../build/behaviours.json', import.meta.url));

const TABLE = /(<!-- behaviours: made by pnpm matrix -->\n\n)([\s\S]*?)(\n<!-- end of behaviours -->)/;

/** The table between the marks in a README. */
export function tableIn(readme: string): string | undefined {
  return TABLE.exec(readme)?.[2];
}

/** @throws Error if the marks are missing */
export function replaceTable(readme: string, table: string): string {
  if (!TABLE.test(readme)) throw new Error('README.md: missing marks “behaviours: made by pnpm matrix” and “end of behaviours”');
  return readme.replace(TABLE, (_, begin: string, _old: string, end: string) => `${begin}${table}${end}`);
}

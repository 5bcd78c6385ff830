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

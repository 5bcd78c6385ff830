/** Right-aligned columns, two spaces apart. The first row holds the headings. */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padStart(widths[column]!)).join('  ')}`);
}

/** With commas between thousands, independent of the user's locale: the same input gives the same output. */
export function number(n: number): string {
  return n.toLocaleString('en-US');
}

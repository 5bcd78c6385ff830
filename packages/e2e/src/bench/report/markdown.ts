/** A table with aligned columns: the first to the left, the others to the right. */
export function markdownTable(cells: readonly (readonly string[])[]): string {
  const [heading, ...body] = cells as [readonly string[], ...(readonly string[])[]];
  const widths = heading.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => (column === 0 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(heading), rule, ...body.map(line)].join('\n');
}

/** `1,000`. */
export function thousands(value: number): string {
  return value.toLocaleString('en');
}

/** The name that `given` probably meant; `undefined` if none is close. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
  // One typo in a short name, one more for every four letters.
  let least = 2 + Math.floor(given.length / 4);
  let nearest: string | undefined;
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < least && distance < name.length) {
      least = distance;
      nearest = name;
    }
  }
  return nearest;
}

/** How many letters must be inserted, removed, replaced or swapped with the next to turn `a` into `b` (optimal string alignment). */
function editDistance(a: string, b: string): number {
  // rows[i][j]: from the first i letters of a to the first j of b.
  const rows: number[][] = [];
  for (let i = 0; i <= a.length; i++) {
    const row: number[] = [];
    for (let j = 0; j <= b.length; j++) {
      if (i === 0 || j === 0) {
        row.push(i + j);
        continue;
      }
      const replaced = rows[i - 1]![j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? rows[i - 2]![j - 2]! + 1 : Number.POSITIVE_INFINITY;
      row.push(Math.min(replaced, swapped, rows[i - 1]![j]! + 1, row[j - 1]! + 1));
    }
    rows.push(row);
  }
  return rows[a.length]![b.length]!;
}

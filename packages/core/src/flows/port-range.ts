/** Ports from first to last, inclusive, within 1–65535. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export const MAX_PORT = 65535;

/** What {@link parsePortRange} accepts, for error messages. */
export const PORT_RANGE_FORM: string = `a port from 1 to ${MAX_PORT}, or a range such as 8000-8099`;

/** Parses `80` or `8000-8099`; `undefined` if it is neither. Decimal digits only: `010` is ten. */
export function parsePortRange(text: string): PortRange | undefined {
  const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  const range = { first: Number(first), last: Number(last) };
  return range.first >= 1 && range.first <= range.last && range.last <= MAX_PORT ? range : undefined;
}

/** The inverse of {@link parsePortRange}. */
export function formatPortRange({ first, last }: PortRange): string {
  return first === last ? `${first}` : `${first}-${last}`;
}

/** Merges ranges that overlap or touch; returns them ascending. */
export function mergePortRanges(ranges: readonly PortRange[]): PortRange[] {
  const merged: PortRange[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before === undefined || first > before.last + 1) merged.push({ first, last });
    else if (last > before.last) merged[merged.length - 1] = { first: before.first, last };
  }
  return merged;
}

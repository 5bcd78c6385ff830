/** Throws if two values differ, compared as JSON. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (Object.is(actual, expected)) return;
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`${what}: is ${is}, should be ${should}`);
}

/** Throws if something does not hold. */
export function isTrue(what: string, holds: boolean, values?: unknown): void {
  if (!holds) throw new Error(values === undefined ? what : `${what}: ${JSON.stringify(values)}`);
}

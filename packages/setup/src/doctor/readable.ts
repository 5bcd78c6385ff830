/** Returns `undefined` for what is missing, not readable or malformed. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

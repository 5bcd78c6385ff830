/** Of what is not there, may not be read, or is not what it seems, there is nothing to say. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

// Names in a compiled flow set: the offset of each name and the end of the last, in UTF-16 code units; then the code units of all names.

export function buildNames(names: readonly string[]): Int32Array {
  const begins = [0];
  for (const { length } of names) begins.push(begins.at(-1)! + length);
  const units = new Uint16Array((begins.at(-1)! + 1) & ~1);
  names.forEach((name, i) => {
    for (let at = 0; at < name.length; at++) units[begins[i]! + at] = name.charCodeAt(at);
  });
  return Int32Array.from([...begins, ...new Int32Array(units.buffer)]);
}

/** @param count number of names in the section */
export function nameIn(section: Int32Array, count: number, i: number): string {
  const units = new Uint16Array(section.buffer, section.byteOffset + 4 * (count + 1));
  return String.fromCharCode(...units.slice(section[i], section[i + 1]));
}

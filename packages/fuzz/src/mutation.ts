/** @param limit @returns a number from 0, below it */
export type Below = (limit: number) => number;

/** Longest input, in octets. */
export const MAX_INPUT = 4096;

/** Values at which code often decides. */
const EDGES = [0, 1, 2, 4, 7, 8, 16, 20, 32, 40, 64, 127, 128, 255];

/**
 * An input like another one: a few changes of the kinds that libFuzzer makes.
 *
 * @param other to take a piece of
 */
export function mutate(below: Below, input: Uint8Array, other: Uint8Array, words: readonly Uint8Array[]): Uint8Array {
  let octets = input;
  // Usually one or two changes: what is reached by more is soon reached step by step.
  for (let changes = 1 + Math.clz32(below(0xffffffff)); changes > 0; changes--) octets = change(below, octets, other, words);
  return octets.length > MAX_INPUT ? octets.subarray(0, MAX_INPUT) : octets;
}

function change(below: Below, input: Uint8Array, other: Uint8Array, words: readonly Uint8Array[]): Uint8Array {
  const at = below(input.length + 1);
  const length = Math.min(input.length - at, 1 + below(1 << below(8)));
  const octets = Uint8Array.from(input);
  switch (below(words.length > 0 ? 11 : 9)) {
    case 0:
      return splice(input, at, length, new Uint8Array(0));
    case 1:
      return splice(
        input,
        at,
        0,
        Uint8Array.from({ length: 1 + below(8) }, () => below(256)),
      );
    case 2:
      // A piece of itself, once more.
      return splice(input, below(input.length + 1), 0, input.subarray(at, at + length));
    case 3: {
      const from = below(other.length + 1);
      const piece = other.subarray(from, from + 1 + below(1 << below(8)));
      return splice(input, at, below(2) * piece.length, piece);
    }
    case 4:
      if (at < octets.length) octets[at]! ^= 1 << below(8);
      return octets;
    case 5:
      if (at < octets.length) octets[at] = EDGES[below(EDGES.length)]!;
      return octets;
    case 6:
      if (at < octets.length) octets[at]! += below(9) - 4;
      return octets;
    case 7:
      if (at + 1 < octets.length) new DataView(octets.buffer).setUint16(at, EDGES[below(EDGES.length)]! << below(9));
      return octets;
    case 8:
      if (at < octets.length) octets[at] = below(256);
      return octets;
    default: {
      const word = words[below(words.length)]!;
      return splice(input, at, below(2) * word.length, word);
    }
  }
}

function splice(input: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  const octets = new Uint8Array(input.length - Math.min(remove, input.length - at) + insert.length);
  octets.set(input.subarray(0, at));
  octets.set(insert, at);
  octets.set(input.subarray(at + remove), at + insert.length);
  return octets;
}

/**
 * The octets of an input, read as what a target needs: small numbers, choices, text. After the end everything is 0, so that each input means
 * something, and a change of a few octets changes one thing.
 */
export class FuzzInput {
  readonly octets: Uint8Array;
  #at = 0;
  readonly #notes: Set<number>;

  /** @param notes gets what {@link note} says */
  constructor(octets: Uint8Array, notes: Set<number> = new Set()) {
    this.octets = octets;
    this.#notes = notes;
  }

  /** Octets that have not been read. */
  get left(): number {
    return Math.max(0, this.octets.length - this.#at);
  }

  u8(): number {
    return this.octets[this.#at++] ?? 0;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  flag(): boolean {
    return (this.u8() & 1) === 1;
  }

  /** A number from 0, below `limit`, which is at most 256. */
  below(limit: number): number {
    return this.u8() % limit;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Up to `most` values. */
  list<T>(most: number, make: () => T): T[] {
    return Array.from({ length: this.below(most + 1) }, make);
  }

  /** The next `length` octets, or as many as there are. */
  bytes(length: number): Uint8Array {
    const from = Math.min(this.#at, this.octets.length);
    this.#at = Math.min(from + length, this.octets.length);
    return this.octets.slice(from, this.#at);
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  /** The rest as text, one character an octet. */
  text(): string {
    let text = '';
    for (const octet of this.rest()) text += String.fromCharCode(octet);
    return text;
  }

  /** Says what has happened, in a small number: an input that says something new is kept, as if it had reached new code. */
  note(what: number): void {
    this.#notes.add(what);
  }
}

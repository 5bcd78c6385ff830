/** A request ends with a line that begins so. */
const END = '\neoc:';

const FIRST_CAPACITY = 4096;

/** A request while it comes in, in pieces of any size: each octet is looked at once, and copied a few times. */
export class RequestBuffer {
  // As if a line had ended before the first.
  #octets = Buffer.from('\n');
  #length = 1;

  /** Octets that have come. */
  get length(): number {
    return this.#length - 1;
  }

  /** @returns whether the request is whole now */
  append(chunk: Buffer): boolean {
    this.#reserve(chunk.length);
    chunk.copy(this.#octets, this.#length);
    // The end may have begun in the chunk before.
    const from = Math.max(0, this.#length - (END.length - 1));
    this.#length += chunk.length;
    return this.#octets.subarray(from, this.#length).includes(END, 0, 'latin1');
  }

  get text(): string {
    return this.#octets.toString('utf8', 1, this.#length);
  }

  #reserve(octets: number): void {
    const needed = this.#length + octets;
    if (needed <= this.#octets.length) return;
    const larger = Buffer.allocUnsafe(Math.max(FIRST_CAPACITY, 2 * this.#octets.length, needed));
    this.#octets.copy(larger, 0, 0, this.#length);
    this.#octets = larger;
  }
}

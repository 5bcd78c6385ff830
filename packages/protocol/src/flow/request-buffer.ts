/** A request ends with a line that begins like this. */
const END = '\neoc:';

const INITIAL_CAPACITY = 4096;

/** Collects a request that arrives in pieces of any size. Each octet is searched once and copied a few times. */
export class RequestBuffer {
  // Starts with a newline, so that the first line can be the end.
  #octets = Buffer.from('\n');
  #length = 1;

  /** Octets received. */
  get length(): number {
    return this.#length - 1;
  }

  /** @returns whether the request is complete */
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
    const larger = Buffer.allocUnsafe(Math.max(INITIAL_CAPACITY, 2 * this.#octets.length, needed));
    this.#octets.copy(larger, 0, 0, this.#length);
    this.#octets = larger;
  }
}

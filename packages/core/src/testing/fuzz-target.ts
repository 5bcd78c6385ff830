import type { FuzzInput } from './fuzz-input.js';

/** Something that is tried with any octets. The default export of a file `*.fuzz.ts`. */
export interface FuzzTarget {
  /**
   * Tries one input. Must depend on nothing but the input: no clock, no chance, nothing that an earlier input left behind.
   *
   * @throws if something that always holds does not hold
   */
  run(input: FuzzInput): void | Promise<void>;
  /** What this machine lacks to try it, in words: `CAP_BPF`; nothing if it lacks nothing. Then it is skipped, which is a failure under CI. */
  missing?(): string | undefined;
  /** Inputs to begin with, besides those of the corpus. */
  readonly seeds?: readonly (Uint8Array | string)[];
  /** Pieces of inputs that chance would not find, such as keywords. */
  readonly words?: readonly string[];
}

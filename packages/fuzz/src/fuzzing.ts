import { FuzzInput, type FuzzTarget, randomNumbers } from '@nfqlb/core/testing';
import type { Coverage } from './coverage.js';
import { type Below, mutate } from './mutation.js';
import { waitedForCpu } from './waited-for-cpu.js';

/** Inputs tried between two looks at the coverage, which take a third of a millisecond. */
const BATCH = 32;

/** What an input may take, in milliseconds: no input here is longer than 4 KiB. */
const SLOW_MS = 2_000;

/** How long to look for a shorter input that fails, too, in milliseconds. */
const SHORTEN_MS = 3_000;

/** An input for which something that always holds does not. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
  readonly input: Uint8Array;

  constructor(input: Uint8Array, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.input = input;
  }
}

export interface FuzzingOptions {
  readonly coverage: Coverage;
  readonly seed: number;
  /** Told of each input before it is tried. */
  readonly watch?: (input: Uint8Array) => void;
}

/** Tries a target with inputs, and keeps those that reach something new. */
export class Fuzzing {
  /** The inputs that are kept, oldest first. */
  readonly kept: Uint8Array[] = [];
  /** Inputs tried. */
  runs = 0;

  readonly #target: FuzzTarget;
  readonly #coverage: Coverage;
  readonly #below: Below;
  readonly #watch: (input: Uint8Array) => void;
  readonly #words: readonly Uint8Array[];
  readonly #noted = new Set<number>();

  constructor(target: FuzzTarget, { coverage, seed, watch = () => {} }: FuzzingOptions) {
    this.#target = target;
    this.#coverage = coverage;
    const random = randomNumbers(seed);
    this.#below = (limit) => random() % limit;
    this.#watch = watch;
    this.#words = (target.words ?? []).map((word) => Buffer.from(word, 'latin1'));
  }

  /** Tries inputs as they are. @throws {@link FuzzFailure} */
  async replay(inputs: Iterable<Uint8Array>): Promise<void> {
    this.#coverage.skip();
    for (const input of inputs) {
      const isNoted = await this.#try(input);
      if (this.#coverage.seen() || isNoted) this.kept.push(input);
    }
  }

  /** Tries changed inputs for some time. @throws {@link FuzzFailure} */
  async run(milliseconds: number): Promise<void> {
    const end = performance.now() + milliseconds;
    if (this.kept.length === 0) this.kept.push(new Uint8Array(1));
    while (performance.now() < end) {
      const inputs: Uint8Array[] = [];
      for (let i = 0; i < BATCH; i++) {
        const input = mutate(this.#below, this.#parent(), this.#parent(), this.#words);
        if (await this.#try(input)) this.kept.push(input);
        else inputs.push(input);
      }
      if (this.#coverage.isNew()) await this.replay(inputs);
    }
  }

  /** Of the kept inputs, one that is enough for all that they reach, in fewer and shorter inputs. */
  async smallest(coverage: Coverage): Promise<Uint8Array[]> {
    const again = new Fuzzing(this.#target, { coverage, seed: 0 });
    await again.replay(this.kept.toSorted((a, b) => a.length - b.length));
    return again.kept;
  }

  /** Newer ones more often: nobody has tried what follows from them. */
  #parent(): Uint8Array {
    const { length } = this.kept;
    const recent = Math.min(length, 1 + (length >> 2));
    return this.kept[this.#below(2) === 0 ? this.#below(length) : length - 1 - this.#below(recent)]!;
  }

  /** @returns whether the target has noted something new */
  async #try(input: Uint8Array): Promise<boolean> {
    this.runs++;
    const notes = new Set<number>();
    const failure = await this.#failureOf(input, notes);
    if (failure !== undefined) throw new FuzzFailure(await this.#shorter(input, failure), failure);
    const before = this.#noted.size;
    for (const note of notes) this.#noted.add(note);
    return this.#noted.size > before;
  }

  async #failureOf(input: Uint8Array, notes?: Set<number>): Promise<Error | undefined> {
    this.#watch(input);
    const begin = performance.now();
    try {
      const running = this.#target.run(new FuzzInput(input, notes));
      if (running !== undefined) await running;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
    return performance.now() - begin < SLOW_MS ? undefined : this.#slownessOf(input);
  }

  /** Tries a slow input again, and leaves out the time in which others had the CPUs: to ask for that takes longer than most inputs. */
  async #slownessOf(input: Uint8Array): Promise<Error | undefined> {
    const [begin, waited] = [performance.now(), waitedForCpu()];
    await this.#target.run(new FuzzInput(input));
    const taken = performance.now() - begin - (waitedForCpu() - waited);
    return taken < SLOW_MS ? undefined : new Error(`it took ${Math.round(taken)} ms`);
  }

  /** A shorter input that fails at the same place. */
  async #shorter(input: Uint8Array, failure: Error): Promise<Uint8Array> {
    const end = performance.now() + SHORTEN_MS;
    let shortest = input;
    for (let piece = input.length >> 1; piece > 0; piece >>= 1) {
      for (let at = 0; at < shortest.length && performance.now() < end; ) {
        const shorter = Uint8Array.from([...shortest.subarray(0, at), ...shortest.subarray(at + piece)]);
        const other = await this.#failureOf(shorter);
        if (other !== undefined && placeOf(other) === placeOf(failure)) shortest = shorter;
        else at += piece;
      }
    }
    return shortest;
  }
}

/** Where it was thrown. */
function placeOf({ stack = '', message }: Error): string {
  return stack
    .slice(stack.indexOf(message) + message.length)
    .split('\n', 3)
    .join();
}

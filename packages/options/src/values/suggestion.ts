// What the shell offers for a word that is being typed.

/** One word that could stand there. */
export interface Suggestion {
  readonly value: string;
  /** What it is, for shells that show that. */
  readonly about?: string | undefined;
}

/** Names of files, which the shell knows best. */
export const FILES = 'files';

/** What could stand there; of a list, the shell shows what begins as the word does. */
export type Suggestions = readonly Suggestion[] | typeof FILES;

/** The line, as far as it has been typed. */
export interface TypedLine {
  /** What is there of the value. */
  readonly begun: string;
  /** Value of an option by its long name, `--shm`: the one that is given, else its default; `undefined` for none. */
  readonly option: (long: string) => string | undefined;
}

/** Finds what could stand at a place. It may fail: then nothing is offered. */
export type Suggest = (line: TypedLine) => Suggestions | Promise<Suggestions>;

/** One of a few words. */
export function words(...values: readonly string[]): Suggest {
  return () => values.map((value) => ({ value }));
}

/** Items with commas between them, none of them twice. */
export function items(suggest: Suggest): Suggest {
  return async (line) => {
    const comma = line.begun.lastIndexOf(',') + 1;
    const before = line.begun.slice(0, comma);
    const given = before.split(',');
    const offered = await suggest({ ...line, begun: line.begun.slice(comma) });
    if (offered === FILES) return FILES;
    return offered.filter(({ value }) => !given.includes(value)).map(({ value, about }) => ({ value: before + value, about }));
  };
}

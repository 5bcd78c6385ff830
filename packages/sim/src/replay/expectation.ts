import { linesOf } from './lines.js';

/** Where a replay differs from an earlier one. */
export interface Difference {
  /** Line of the expected output, from 1. */
  readonly line: number;
  readonly text: string;
}

/** Compares a replay, record by record, with the `--json` output of an earlier one. */
export class Expectation {
  /** How many records differ, are missing or are unexpected. */
  differences = 0;
  /** The first few of them. */
  readonly first: Difference[] = [];

  static readonly #SHOWN = 10;
  readonly #lines: Iterator<string>;
  #line = 0;

  /** @throws what `fs.openSync` throws */
  constructor(path: string) {
    this.#lines = linesOf(path);
  }

  /** Compares the next record. */
  compare(record: string): void {
    const expected = this.#next();
    if (expected === record) return;
    this.#note(expected === undefined ? `not expected: ${record}` : describe(expected, record));
  }

  /** Ends the comparison: records that are still expected are missing. */
  end(): void {
    for (let expected = this.#next(); expected !== undefined; expected = this.#next()) this.#note(`missing: ${expected}`);
  }

  #next(): string | undefined {
    const { value, done } = this.#lines.next();
    if (done) return undefined;
    this.#line++;
    return value;
  }

  #note(text: string): void {
    this.differences++;
    if (this.first.length < Expectation.#SHOWN) this.first.push({ line: this.#line, text });
  }
}

/** Names the fields in which two records differ: `packet 7: fwmark 101, expected 102`. */
function describe(expected: string, actual: string): string {
  const is = JSON.parse(actual) as Record<string, unknown>;
  const was = parse(expected);
  if (!was) return `the expected line is not a record: ${JSON.stringify(expected)}`;
  const fields = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((field) => was[field] !== is[field]);
  return `packet ${is.n}${is.reinjected === true ? ' re-injected' : ''}: ${fields.map((field) => `${field} ${show(is[field])}, expected ${show(was[field])}`).join('; ')}`;
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const show = (value: unknown): string => (value === undefined ? 'absent' : String(value));

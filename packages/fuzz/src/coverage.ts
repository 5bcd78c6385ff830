import { type Profiler, Session } from 'node:inspector';

/** Places in a script: from begin, inclusive, to end, exclusive. Sorted, and apart from each other. */
type Places = readonly (readonly [begin: number, end: number])[];

/** Which code of a script has never run, as V8 counts it (block coverage). */
export class Coverage {
  readonly #session = new Session();
  readonly #url: string;
  /** By the place of each function that has run: the places in it that have not. */
  readonly #missing = new Map<string, Places>();

  /** @param url of the script */
  constructor(url: string) {
    this.#url = url;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    this.#counted();
  }

  /** Forgets what has run since the last call, here or of {@link seen} or {@link isNew}. */
  skip(): void {
    this.#counted();
  }

  /** Whether something has run since the last call that had not run when {@link seen} was called. */
  isNew(): boolean {
    return this.#counted().some((one) => this.#shrink(one, false));
  }

  /** The same, and from now on it has run. */
  seen(): boolean {
    return this.#counted().filter((one) => this.#shrink(one, true)).length > 0;
  }

  /** Functions that have run. */
  get functions(): number {
    return this.#missing.size;
  }

  /** Places in them that have not. */
  get missing(): number {
    return [...this.#missing.values()].reduce((sum, { length }) => sum + length, 0);
  }

  close(): void {
    this.#session.disconnect();
  }

  /** Functions that have run since the last call. In each, V8 lists the places that have not: places without a count of their own have that around them. */
  #counted(): Profiler.FunctionCoverage[] {
    let functions: Profiler.FunctionCoverage[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error) throw error;
      functions = taken.result.find(({ url }) => url === this.#url)?.functions ?? [];
    });
    return functions.filter(({ ranges }) => ranges[0]!.count > 0);
  }

  #shrink({ ranges }: Profiler.FunctionCoverage, remember: boolean): boolean {
    const { startOffset, endOffset } = ranges[0]!;
    const name = `${startOffset}-${endOffset}`;
    const idle = ranges.filter(({ count }) => count === 0).map(({ startOffset, endOffset }) => [startOffset, endOffset] as const);
    const before = this.#missing.get(name);
    const now = before ? common(before, idle) : idle;
    const isNew = before === undefined || total(now) < total(before);
    if (isNew && remember) this.#missing.set(name, now);
    return isNew;
  }
}

function common(one: Places, other: Places): Places {
  return one.flatMap(([begin, end]) =>
    other.flatMap(([from, to]) => {
      const both = [Math.max(begin, from), Math.min(end, to)] as const;
      return both[0] < both[1] ? [both] : [];
    }),
  );
}

function total(places: Places): number {
  return places.reduce((sum, [begin, end]) => sum + end - begin, 0);
}

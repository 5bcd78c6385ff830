import { Gauge, type Registry } from 'prom-client';

export type Labels = Readonly<Record<string, string | number>>;

/** A value of a family; in histograms with a suffix for the name. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
  readonly suffix?: '_bucket' | '_sum' | '_count';
}

/** Metrics of one name. Their values are read from `T` on request. */
export interface Family<T> {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly samples: (source: T) => Iterable<Sample>;
}

/**
 * Registers families. prom-client's own metrics store values and hash their labels at each change; these only read values that are counted
 * elsewhere.
 *
 * @param source where to read the values; called once per family
 */
export function registerFamilies<T>(registry: Registry, families: readonly Family<T>[], source: () => T): void {
  for (const family of families) new Exposed(registry, family, source);
}

class Exposed<T> extends Gauge {
  readonly #family: Family<T>;
  readonly #source: () => T;

  constructor(registry: Registry, family: Family<T>, source: () => T) {
    super({ name: family.name, help: family.help, registers: [registry] });
    this.#family = family;
    this.#source = source;
  }

  override async get(): ReturnType<Gauge['get']> {
    const { name, help, type, samples } = this.#family;
    const values = Array.from(samples(this.#source()), ({ labels = {}, value, suffix = '' }) => ({
      labels,
      value,
      metricName: name + suffix,
    }));
    // As prom-client's own metrics do; its type declaration wrongly has a numeric enum for `type`.
    return { name, help, type, values, aggregator: 'sum' } as unknown as Awaited<ReturnType<Gauge['get']>>;
  }
}

/**
 * Samples of a histogram.
 *
 * @param bounds upper bounds of the buckets
 * @param buckets number of values in each; the last one is for values above all bounds
 */
export function* histogram(labels: Labels, bounds: readonly number[], buckets: readonly number[], sum: number): Generator<Sample> {
  let count = 0;
  for (const [i, bound] of bounds.entries()) {
    count += buckets[i]!;
    yield { suffix: '_bucket', labels: { ...labels, le: bound }, value: count };
  }
  count += buckets[bounds.length]!;
  yield { suffix: '_bucket', labels: { ...labels, le: '+Inf' }, value: count };
  yield { suffix: '_sum', labels, value: sum };
  yield { suffix: '_count', labels, value: count };
}

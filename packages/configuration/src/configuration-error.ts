/** An invalid configuration file. The message is for the user: file, line and column from 1, what is wrong, what is allowed. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code = 'CONFIGURATION';
  /** `nfqlb.yaml:12:5` */
  readonly place: string;
  /** What else is wrong with the file, in its order. */
  readonly further: readonly ConfigurationError[];

  constructor(place: string, problem: string, options: ErrorOptions & { readonly further?: readonly ConfigurationError[] } = {}) {
    super(`${place}: ${problem}`, options);
    this.place = place;
    this.further = options.further ?? [];
  }
}

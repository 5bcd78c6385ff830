/** What {@link UsageError} tells apart. Stable: callers may compare. */
export type UsageErrorCode =
  | 'unknown-command'
  | 'unknown-option'
  | 'ambiguous-option'
  /** An option that is required is not given. */
  | 'missing-option'
  /** An option is given without the value that it takes. */
  | 'missing-value'
  /** An option is given a value and takes none. */
  | 'unexpected-value'
  /** An argument is not given, or one is given that is not taken. */
  | 'missing-argument'
  | 'unexpected-argument'
  /** A value is not of those that are allowed. */
  | 'invalid-value';

/** What a {@link UsageError} is about. */
export interface UsageSubject {
  /** As it is declared: `--ft_size`. */
  readonly option?: string | undefined;
  /** Name of an argument, which is what is given without a name. */
  readonly argument?: string | undefined;
  /** What was given. */
  readonly value?: string | undefined;
}

/** The user asked for something that cannot be done as it was put. The message is for the user: what, where, what is allowed. */
export class UsageError extends Error implements UsageSubject {
  override readonly name = 'UsageError';
  readonly code: UsageErrorCode;
  /** The message without what it is about. */
  readonly problem: string;
  readonly option: string | undefined;
  readonly argument: string | undefined;
  readonly value: string | undefined;

  /** The message becomes `--M=-1: must be a whole number from 3 to 993997`. */
  constructor(code: UsageErrorCode, problem: string, subject: UsageSubject = {}, options?: ErrorOptions) {
    super([...describe(subject), problem].join(': '), options);
    this.code = code;
    this.problem = problem;
    this.option = subject.option;
    this.argument = subject.argument;
    this.value = subject.value;
  }
}

function describe({ option, argument, value }: UsageSubject): string[] {
  if (option !== undefined) return [value === undefined ? option : `${option}=${value}`];
  const words = [argument, value].filter((word) => word !== undefined);
  return words.length > 0 ? [words.join(' ')] : [];
}

/** The kinds of {@link UsageError}. Stable: callers may compare. */
export type UsageErrorCode =
  | 'unknown-command'
  | 'unknown-option'
  | 'ambiguous-option'
  /** A required option is not given. */
  | 'missing-option'
  /** An option is given without its value. */
  | 'missing-value'
  /** An option that takes no value is given one. */
  | 'unexpected-value'
  /** An argument is missing, or there is one too many. */
  | 'missing-argument'
  | 'unexpected-argument'
  /** A value is not allowed. */
  | 'invalid-value';

/** What a {@link UsageError} is about. */
export interface UsageSubject {
  /** As declared: `--ft_size`. */
  readonly option?: string | undefined;
  /** Name of a positional argument. */
  readonly argument?: string | undefined;
  /** What was given. */
  readonly value?: string | undefined;
}

/** The user's command line is wrong. The message is for the user: what, where, what is allowed. */
export class UsageError extends Error implements UsageSubject {
  override readonly name = 'UsageError';
  readonly code: UsageErrorCode;
  /** The message without its subject. */
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

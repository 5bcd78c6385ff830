import { CommanderError } from 'commander';

/**
 * Whether an error was foreseen, so that its message says all. This project's errors have a `code`, system errors have one
 * (`ENOENT`) and so have a YAML file's; the codes that begin with `ERR_` are Node's for a wrong call of it.
 */
export function isExpected(error: unknown): error is Error & { readonly code: string } {
  if (!(error instanceof Error)) return false;
  const code: unknown = (error as { code?: unknown }).code;
  return typeof code === 'string' && !code.startsWith('ERR_');
}

/** What to tell the user about an error that ended a command, in one line. */
export function describeFailure(error: unknown): string {
  let message: string;
  if (error instanceof CommanderError) message = error.message.replace(/^error: /, '');
  else if (isExpected(error)) message = error.message;
  else message = `internal error: ${error}; NFQLB_DEBUG=1 in the environment shows where`;
  return message.replace(/\s*[\r\n]+\s*/g, ' ');
}

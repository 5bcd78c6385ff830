import { CommanderError } from 'commander';
import { FILE_PROBLEMS, fileProblem } from './file-problem.js';

/**
 * Whether an error was foreseen, so that its message says everything. This project's errors have a `code`, and so do system errors
 * (`ENOENT`) and those of a YAML file; codes that begin with `ERR_` are Node's, for a wrong call to it.
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
  else if (isFileError(error)) message = `${error.path}: ${fileProblem(error)}`;
  else if (isExpected(error)) message = error.message;
  else message = `internal error: ${error}; set NFQLB_DEBUG=1 to see where`;
  return message.replace(/\s*[\r\n]+\s*/g, ' ');
}

/** The same, a line for each error: one may carry `further` ones. */
export function describeFailures(error: unknown): string[] {
  const { further = [] } = (error ?? {}) as { readonly further?: readonly unknown[] };
  return [error, ...further].map(describeFailure);
}

/** Whether it is Node's error for a file; this project's own errors have no `syscall`. */
function isFileError(error: unknown): error is NodeJS.ErrnoException & { readonly path: string } {
  if (!(error instanceof Error)) return false;
  const { code = '', syscall, path } = error as NodeJS.ErrnoException;
  return syscall !== undefined && path !== undefined && code in FILE_PROBLEMS;
}

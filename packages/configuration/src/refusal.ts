import { CoreError } from '@nfqlb/core';
import { UsageError } from '@nfqlb/options';
import type { z } from 'zod';

/**
 * Turns a function that throws what is wrong with a value into a schema check: so each rule exists once, where the value is used.
 *
 * @param path from the value to what is refused
 */
export function refusedBy<T>(check: (value: T) => unknown, path: readonly string[] = []): (value: T, context: z.RefinementCtx) => void {
  return (value, context) => {
    try {
      check(value);
    } catch (error) {
      // The parser of an option's value does not know the option's name; errors of core name their subject.
      const unnamed = error instanceof UsageError;
      if (!unnamed && !(error instanceof CoreError)) throw error;
      const message = unnamed ? error.problem : error.message;
      // `continue: false`: a value that is wrong by itself is not checked in combination with others.
      // The path is copied, because zod prepends its own.
      context.addIssue({ code: 'custom', path: [...path], message, params: { unnamed }, continue: false });
    }
  };
}

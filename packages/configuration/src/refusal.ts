import { CoreError } from '@nfqlb/core';
import { UsageError } from '@nfqlb/options';
import type { z } from 'zod';

/**
 * Makes a check of a schema out of a function that throws what is wrong with a value: so the rules are said once, where values are used.
 *
 * @param path from the value to what the refusal is about
 */
export function refusedBy<T>(check: (value: T) => unknown, path: readonly string[] = []): (value: T, context: z.RefinementCtx) => void {
  return (value, context) => {
    try {
      check(value);
    } catch (error) {
      // The parser of an option's value does not know the option's name; core says what it is about.
      const unnamed = error instanceof UsageError;
      if (!unnamed && !(error instanceof CoreError)) throw error;
      const message = unnamed ? error.problem : error.message;
      // Not continued: what is wrong in itself is not looked at in its surroundings.
      // The path is copied, for zod puts its own before it.
      context.addIssue({ code: 'custom', path: [...path], message, params: { unnamed }, continue: false });
    }
  };
}

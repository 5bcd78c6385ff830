import { UsageError } from '@nfqlb/options/values';
import type { OptionValue, Surroundings } from './configuration.js';
import { fieldsOf } from './cross-references.js';
import type { Issue } from './issue.js';

/** What is wrong with the section `options`. */
export function optionFaults(document: unknown, { checkOption }: Surroundings): Issue[] {
  if (!checkOption) return [];
  return Object.entries(fieldsOf(fieldsOf(document).options)).flatMap(([name, value]): Issue[] => {
    // A null or a mapping is refused by the schema.
    if (typeof value === 'object' && !Array.isArray(value)) return [];
    try {
      checkOption(name, value as OptionValue);
      return [];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      const isUnknown = error.code === 'unknown-option';
      return [{ path: ['options', name], key: isUnknown, problem: isUnknown ? error.message : `${name}: ${error.problem}` }];
    }
  });
}

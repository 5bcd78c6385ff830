import type { z } from 'zod';

/** One thing that is wrong with a configuration. */
export interface Issue {
  /** Keys and indexes that lead to it. */
  readonly path: readonly PropertyKey[];
  /** Whether the last key itself is meant, not its value. */
  readonly key: boolean;
  readonly problem: string;
}

/** The known keys, by depth. */
const KEYS: readonly string[][] = [
  ['tables', 'flows'],
  ['name', 'target', 'priority', 'protocols', 'dsts', 'srcs', 'dports', 'sports', 'match', 'udpencap'],
];
const TABLE_KEYS = ['M', 'N', 'ownfw', 'permutation', 'drain', 'targets'];

const TYPES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
};

/** What is wrong, one issue for each unknown key or value. @param value what the document has at the path */
export function issuesOf(issue: z.core.$ZodIssue, value: unknown): Issue[] {
  const { path } = issue;
  const name = nameOf(path);
  const about = (problem: string): Issue[] => [{ path, key: false, problem: name === '' ? problem : `${name}: ${problem}` }];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        key: true,
        problem: `unknown key ${JSON.stringify(key)}; there are ${keysAt(path).join(', ')}`,
      }));
    case 'invalid_key': {
      const custom = issue.issues[0]!;
      return [{ path, key: true, problem: isUnnamed(custom) ? `fwmark ${String(path.at(-1))}: ${custom.message}` : custom.message }];
    }
    case 'invalid_type':
      if (value === undefined) return about('must be given');
      if (issue.expected === 'string') return about(`must be text${typeof value === 'number' ? `: "${value}", in quotes` : ''}`);
      return about(`must be ${TYPES[issue.expected] ?? issue.expected}`);
    case 'invalid_value':
      return about(`must be one of ${issue.values.join(', ')}`);
    case 'custom':
      return isUnnamed(issue) ? about(issue.message) : [{ path, key: false, problem: issue.message }];
    default:
      return about(issue.message);
  }
}

function keysAt(path: readonly PropertyKey[]): readonly string[] {
  return path[0] === 'tables' ? TABLE_KEYS : KEYS[Math.min(path.length, 1)]!;
}

function isUnnamed(issue: object & { readonly params?: Readonly<Record<string, unknown>> | undefined }): boolean {
  return issue.params?.unnamed === true;
}

/** The name of the nearest key. */
function nameOf(path: readonly PropertyKey[]): string {
  const name = path.findLast((step) => typeof step === 'string')?.toString() ?? '';
  return path.at(-2) === 'targets' ? `weight of ${name}` : name;
}

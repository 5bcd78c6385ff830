import { DISCOVERY_KEYS } from '@nfqlb/discovery/settings';
import { DAMPING_KEYS, TABLE_HEALTH_KEYS, TARGET_HEALTH_KEYS } from '@nfqlb/health/settings';
import type * as z from 'zod';

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
  ['tables', 'flows', 'tier', 'options'],
  ['name', 'target', 'priority', 'protocols', 'dsts', 'srcs', 'dports', 'sports', 'match', 'udpencap'],
];
const TABLE_KEYS = [
  ...['M', 'N', 'ownfw', 'permutation', 'hash', 'drain', 'vips', 'mode', 'keep-source', 'syn-only', 'announce', 'health'],
  ...['fwmarks', 'discover', 'targets'],
];
const TARGET_KEYS = ['fwmark', 'address', 'weight', 'drain', 'health'];

const TYPES: Readonly<Record<string, string>> = {
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  string: 'text',
  number: 'a number',
  boolean: 'true or false',
};

/** What a value has at a path. */
export function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((at, step) => (typeof at === 'object' && at !== null ? (at as Record<PropertyKey, unknown>)[step] : undefined), value);
}

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
    case 'invalid_union': {
      // Targets are weights by fwmark, or a list; an option's value is of no particular form.
      const branch = issue.errors[Array.isArray(value) ? 1 : 0];
      if (path.at(-1) !== 'targets' || !branch) return about(issue.message);
      return branch.flatMap((inner) => issuesOf({ ...inner, path: [...path, ...inner.path] }, valueAt(value, inner.path)));
    }
    case 'invalid_value':
      return about(`must be one of ${issue.values.join(', ')}`);
    case 'custom':
      return isUnnamed(issue) ? about(issue.message) : [{ path, key: false, problem: issue.message }];
    default:
      return about(issue.message);
  }
}

function keysAt(path: readonly PropertyKey[]): readonly string[] {
  if (path[0] !== 'tables') return KEYS[Math.min(path.length, 1)]!;
  if (path[2] === 'discover') return path.length > 3 ? DISCOVERY_KEYS[String(path[3])]! : Object.keys(DISCOVERY_KEYS);
  if (path.at(-1) === 'damping') return DAMPING_KEYS;
  if (path.at(-1) === 'health') return path.length > 3 ? TARGET_HEALTH_KEYS : TABLE_HEALTH_KEYS;
  return path.length > 2 ? TARGET_KEYS : TABLE_KEYS;
}

function isUnnamed(issue: object & { readonly params?: Readonly<Record<string, unknown>> | undefined }): boolean {
  return issue.params?.unnamed === true;
}

/** The name of the nearest key. */
function nameOf(path: readonly PropertyKey[]): string {
  const name = path.findLast((step) => typeof step === 'string')?.toString() ?? '';
  return path.at(-2) === 'targets' && typeof path.at(-1) === 'string' ? `weight of ${name}` : name;
}

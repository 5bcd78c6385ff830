import type { FuzzInput } from './fuzz-input.js';

/** What JSON can say. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [field: string]: JsonValue };

const VALUES: readonly JsonValue[] = [
  ...[null, true, 0, -1, 1e300, 0.5, '', '\x1b[2J\u202e\n', 'x'.repeat(300), [], {}, [0], [null], { a: 1 }],
  // Cannot be made a string.
  { toString: 1 },
];

/** Changes a value in one place: goes down from the value to a member of a member, and replaces, deletes or repeats it. */
export function changedJson(input: FuzzInput, value: JsonValue): JsonValue {
  if (value === null || typeof value !== 'object' || input.below(8) === 0) return copyOf(input.pick(VALUES));
  const members = Object.keys(value);
  const name = members[input.below(Math.max(1, members.length))];
  if (name === undefined) return value;
  const object = value as { [field: string]: JsonValue };
  const what = input.below(8);
  if (what === 0) {
    if (Array.isArray(value)) value.pop();
    else delete object[name];
  } else if (what === 1 && Array.isArray(value)) value.push(copyOf(value[0]!));
  else object[name] = changedJson(input, object[name]!);
  return value;
}

function copyOf(value: JsonValue): JsonValue {
  return JSON.parse(JSON.stringify(value)) as JsonValue;
}

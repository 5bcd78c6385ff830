import { readFileSync } from 'node:fs';
import { fileProblem } from '../file-problem.js';
import { UsageError } from '../usage-error.js';
import type { ValueParser } from './numbers.js';
import { suggesting, words } from './suggestion.js';

/** How packets are hashed, as given to `--hash`. */
export interface PacketHash {
  /** `djb2`, or `siphash:FILE`. */
  readonly text: string;
  /** The two words of the key in FILE; absent for djb2. */
  readonly hashKey: readonly [k0: number, k1: number] | undefined;
}

export const DJB2: PacketHash = { text: 'djb2', hashKey: undefined };

const KEYED = 'siphash:';
/** 64 bits. */
const KEY = /^[0-9a-f]{16}$/i;
const HOW_TO_MAKE = 'the key is 16 hexadecimal digits, as from `openssl rand -hex 8`';

/** Reads a value of `--hash`, and the key's file. */
export const packetHash: ValueParser<PacketHash> = suggesting(
  (value) => {
    if (value === DJB2.text) return DJB2;
    const path = value.startsWith(KEYED) ? value.slice(KEYED.length) : '';
    if (path === '')
      throw new UsageError('invalid-value', `must be djb2, or siphash:FILE with a file that contains the tier's key`, { value });
    return { text: value, hashKey: keyIn(path, value) };
  },
  words('djb2', KEYED),
);

function keyIn(path: string, value: string): [number, number] {
  const digits = contentOf(path, value).trim();
  // Digits of a key do not belong in an error message.
  if (!KEY.test(digits)) throw new UsageError('invalid-value', `${path} contains no key: ${HOW_TO_MAKE}`, { value });
  return [Number.parseInt(digits.slice(0, 8), 16) | 0, Number.parseInt(digits.slice(8), 16) | 0];
}

function contentOf(path: string, value: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError('invalid-value', `${path}: ${fileProblem(error)}; ${HOW_TO_MAKE}`, { value }, { cause: error });
  }
}

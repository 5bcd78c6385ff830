import { type Entry, EntryProblem, parseEntry } from '../entry.js';
import type { EtcdSettings } from '../settings/index.js';
import type { Answer, Source } from '../source.js';
import type { KeyRange } from './etcd-client.js';
import { followKeys } from './follow-keys.js';

/** Targets are the keys with a prefix. */
export function etcdSource(settings: EtcdSettings): Source {
  return (observer, stopped) => {
    const changed = (values: ReadonlyMap<string, string>): void => observer.answered(answerOf(values));
    return followKeys(settings, rangeOf(settings.prefix), { changed, failed: observer.failed }, stopped);
  };
}

function answerOf(values: ReadonlyMap<string, string>): Answer {
  const entries: Entry[] = [];
  const problems: string[] = [];
  for (const [key, value] of values) {
    const name = printable(key);
    try {
      entries.push(parseEntry(name, value));
    } catch (error) {
      if (!(error instanceof EntryProblem)) throw error;
      problems.push(`${name}: ${error.message}`);
    }
  }
  return { entries, problems };
}

/** All keys that begin with a prefix: up to the next text of its length. */
export function rangeOf(prefix: string): KeyRange {
  const first = Buffer.from(prefix);
  const end = Buffer.from(prefix);
  // UTF-8 has no octet 0xff.
  end[end.length - 1]! += 1;
  return { first, end };
}

/** Keys are any octets, and messages are lines. */
function printable(key: string): string {
  return /^[\x21-\x7e]{1,200}$/.test(key) ? key : JSON.stringify(key.slice(0, 200));
}

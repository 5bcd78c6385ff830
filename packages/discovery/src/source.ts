import type { Entry } from './entry.js';

/** All that a source knows of a table's targets. */
export interface Answer {
  readonly entries: readonly Entry[];
  /** Entries that are not valid, and why: a sentence each. They are not among the entries. */
  readonly problems: readonly string[];
}

/** Whom a source tells what it finds. */
export interface Observer {
  /** Called with the first answer, and whenever it may have changed. */
  readonly answered: (answer: Answer) => void;
  /** Called with why the source cannot be asked now, and with nothing when it can again. What was answered last stays. */
  readonly failed: (problem: string | undefined) => void;
}

/** Follows what a source says until `stopped`. Never rejects: failures are told, and tried again. */
export type Source = (observer: Observer, stopped: AbortSignal) => Promise<void>;

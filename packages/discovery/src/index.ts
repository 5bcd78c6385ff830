// Where a table's targets are found. `openSource` makes what follows a source; `assignFwmarks` says which fwmark each target gets.

export { type Entry, EntryProblem, parseEntry } from './entry.js';
export { assignFwmarks, byRank } from './fwmarks/assign.js';
export { DiscoveryError } from './http/problem.js';
export { nameOfSource, openSource } from './open-source.js';
export type { Answer, Observer, Source } from './source.js';

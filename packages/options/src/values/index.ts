// Values as text: of options, and of configuration files. Needs no commander, and of Node only `node:fs`, for the file of a key: where
// there are no files, a page replaces it (scripts/bundle-page.mjs).

export { UsageError, type UsageErrorCode, type UsageSubject } from '../usage-error.js';
export { targetAddress, vip } from './addresses.js';
export { DJB2, type PacketHash, packetHash } from './hash.js';
export { list, repeatable } from './list.js';
export {
  decimalSeconds,
  drainSeconds,
  fwmark,
  fwmarkOrNone,
  type NumberRange,
  type QueueRange,
  queueRange,
  targetFwmark,
  type ValueParser,
  wholeNumber,
} from './numbers.js';
export { cpuList, type Priority, priority } from './scheduling.js';
export {
  FILES,
  items,
  oneOf,
  type Suggest,
  type Suggestion,
  type Suggestions,
  suggesting,
  type TypedLine,
  text,
  words,
} from './suggestion.js';
export { targets, type WeightedTarget, weight } from './targets.js';

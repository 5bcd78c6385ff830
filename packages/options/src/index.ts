export { Argument, Command, type Example, Option } from './command.js';
export { canonicalArguments, type SelectedCommand, selectCommand } from './command-line.js';
export { addCompletion } from './completion/index.js';
export { type ConfigurationCommand, configurationCommand } from './configuration-command.js';
export { addDrainOptions, type DrainOptions } from './drain-options.js';
export { describeFailure, describeFailures, fileProblem } from './failure.js';
export { addFlowOptions, addTargetFlowOptions, type FlowNames, type FlowOptions, type TargetFlowOptions } from './flow-options.js';
export { run, runLoaded } from './run.js';
export { OPTION_SYNONYMS, type Synonyms } from './synonyms.js';
export {
  type ActivateOptions,
  activated,
  addActivateOptions,
  addDeactivateOptions,
  addInitOptions,
  type DeactivateOptions,
  drainSeconds,
  hashOption,
  type InitOptions,
  type TableNames,
} from './table-options.js';
export { canRedraw, isStyled } from './terminal.js';
export { UsageError, type UsageErrorCode, type UsageSubject } from './usage-error.js';
export { targetAddress, vip } from './values/addresses.js';
export { DJB2, type PacketHash, packetHash } from './values/hash.js';
export { list, repeatable } from './values/list.js';
export {
  decimalSeconds,
  fwmark,
  fwmarkOrNone,
  type NumberRange,
  type QueueRange,
  queueRange,
  targetFwmark,
  type ValueParser,
  wholeNumber,
} from './values/numbers.js';
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
} from './values/suggestion.js';
export { targets, type WeightedTarget, weight } from './values/targets.js';

export { Argument, Command, Option } from './command.js';
export { canonicalArguments, type SelectedCommand, selectCommand } from './command-line.js';
export { addCompletion } from './completion/index.js';
export { type ConfigurationCommand, configurationCommand } from './configuration-command.js';
export { describeFailure, describeFailures, fileProblem } from './failure.js';
export { addFlowOptions, addTargetFlowOptions, type FlowNames, type FlowOptions, type TargetFlowOptions } from './flow-options.js';
export { run } from './run.js';
export {
  type ActivateOptions,
  activated,
  addActivateOptions,
  addDeactivateOptions,
  addInitOptions,
  type DeactivateOptions,
  type InitOptions,
  type TableNames,
} from './table-options.js';
export { UsageError, type UsageErrorCode, type UsageSubject } from './usage-error.js';
export { decimalSeconds } from './values/decimal-seconds.js';
export { fwmark, fwmarkOrNone, targetFwmark } from './values/fwmark.js';
export { list, repeatable } from './values/list.js';
export { oneOf } from './values/one-of.js';
export { type QueueRange, queueRange } from './values/queue-range.js';
export { suggesting, text } from './values/suggesting.js';
export { FILES, items, type Suggest, type Suggestion, type Suggestions, type TypedLine, words } from './values/suggestion.js';
export { targets, type WeightedTarget, weight } from './values/targets.js';
export { type NumberRange, type ValueParser, wholeNumber } from './values/whole-number.js';

export { Argument, Command, type Example, Option } from './command.js';
export { canonicalArguments, type SelectedCommand, selectCommand } from './command-line.js';
export { addCompletion } from './completion/index.js';
export { type ConfigurationCommand, configurationCommand } from './configuration-command.js';
export { addDrainOptions, type DrainOptions } from './drain-options.js';
export { describeFailure, describeFailures } from './failure.js';
export { few } from './few.js';
export { fileProblem } from './file-problem.js';
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
  hashOption,
  type InitOptions,
  type TableNames,
} from './table-options.js';
export { canRedraw, isStyled } from './terminal.js';
export * from './values/index.js';

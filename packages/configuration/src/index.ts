export type {
  Configuration,
  DeclaredDiscovery,
  DeclaredFlow,
  DeclaredMember,
  DeclaredService,
  DeclaredTable,
  OptionValue,
  Surroundings,
} from './configuration.js';
export { ConfigurationError } from './configuration-error.js';
export { parseConfiguration, readConfigurationText } from './read-configuration.js';

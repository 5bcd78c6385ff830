// What runs in a browser, too, if the file of a key is not needed.

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
export { parseConfiguration } from './read-configuration.js';

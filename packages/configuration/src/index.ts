export type { Configuration, DeclaredFlow, DeclaredTable } from './configuration.js';
export { ConfigurationError } from './configuration-error.js';
export { parseConfiguration, readConfigurationText } from './read-configuration.js';

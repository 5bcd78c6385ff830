export { readConfigurationText } from './configuration-text.js';
export * from './parse.js';

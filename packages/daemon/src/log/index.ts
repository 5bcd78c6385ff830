export { LOG_FORMATS, type LogFormat } from './log.js';

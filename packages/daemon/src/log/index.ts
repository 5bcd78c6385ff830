export { LOG_FORMATS, type LogFormat, log } from './log.js';

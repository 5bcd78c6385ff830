export { completionScript, SHELLS, type Shell } from '../completion/scripts.js';
export { type ManPage, type ManualOptions, manPages } from './man-pages.js';

export type { FastPathChoice } from './fast-path-choice.js';

export { type Change, commandsOf } from './change.js';
export { changesBetween, type Present, type PresentTable } from './changes-between.js';

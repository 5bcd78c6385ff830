export { type Change, commandsOf } from './change.js';
export { changesBetween, type Present, type PresentTable, requireTables } from './changes-between.js';

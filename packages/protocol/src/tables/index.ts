export { changeTable, createTable, DEFAULT_TABLE, openTable, readTable, type SharedTable } from './shared-table.js';

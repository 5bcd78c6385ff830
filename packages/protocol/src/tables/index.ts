export {
  changeTable,
  createTable,
  DEFAULT_TABLE,
  openTable,
  readTable,
  requireUnusedElsewhere,
  type SharedTable,
  useTable,
} from './shared-table.js';

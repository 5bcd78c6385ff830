export { ChangeNotices, giveNotice } from './change-notice.js';
export { drainFor } from './drain.js';
export { DEFAULT_TABLE, openTable, readTable, type SharedTable, useTable } from './shared-table.js';
export { changeTable, createTableIfAbsent, LOCK_TIMEOUT_MS, replaceTable, TableLock, withTableLock } from './table-lock.js';

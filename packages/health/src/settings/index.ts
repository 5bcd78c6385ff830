// `health` in configuration files. Loads zod, but no sockets and no addon.
//
// 1. `tableHealthSchema` and `targetHealthSchema` check the keys of a table's and a target's `health` as they are written. Their issues are custom,
//    with `params: { unnamed: true }`: the key goes in front. `TABLE_HEALTH_KEYS`, `TARGET_HEALTH_KEYS` and `DAMPING_KEYS` are for unknown keys.
// 2. `completeHealth(table, target)` puts both together: settings with all defaults, or problems, each of one key. `panic` stays with the table:
//    `table.health.panic ?? DEFAULT_PANIC`.

export { type CompletedHealth, completeHealth, DEFAULT_DAMPING, DEFAULT_PANIC, DEFAULT_SCHEDULE, type HealthProblem } from './complete.js';
export type { CheckSchedule, CheckType, Damping, HealthSettings, StatusRange } from './health-settings.js';
export {
  CHECK_TYPES,
  DAMPING_KEYS,
  type DeclaredHealth,
  type DeclaredTableHealth,
  TABLE_HEALTH_KEYS,
  TARGET_HEALTH_KEYS,
  tableHealthSchema,
  targetHealthSchema,
} from './schema.js';

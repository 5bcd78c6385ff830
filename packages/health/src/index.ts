// Checks the health of targets, and says which of them a table is to use.
//
//     const monitor = new HealthMonitor({
//       onChange: ({ table, activate, deactivate }) => …,   // change the table in shared memory
//       onState: (table, { fwmark, state, reason }) => …,   // log
//     });
//     monitor.watch(tables);        // all of them, again whenever the configuration has changed
//     await monitor.settled();      // each checked target has had a first result
//     monitor.used('web');          // fwmarks that are to be active now
//     monitor.status();             // for show, top, metrics and --status
//     await monitor.close();
//
// - Until a target's first result it counts as in use. The first result decides at once; from then on `rise` and `fall` do.
// - `watch` keeps the state of targets that are still there, also if their settings changed. It calls `onChange` only for what health or
//   maintenance changes, not for targets that appear or disappear: whoever declares them activates those in `used(table)`, and deactivates
//   what is no longer declared.
// - `onChange` has what has changed since the last call, and `used` the whole, so that a change that could not be made can be made up for.
//   All changes are made with the table's `Drain`, so that connections of other targets, whose buckets Maglev moves too, stay where they are. Those
//   in `deactivate` with `drain: false` are deactivated once more, without: their own connections are not kept (`TargetTable.deactivate`).
// - A check that cannot be made (no permission, too many files) says nothing about the target: its state stays, and `trouble` says why.
// - `settings/index.ts` has `health` of configuration files.
//
// state/ decides, without sockets or clocks. check/ has a file for each type of check. socket/ waits for many sockets at once.

export { HealthMonitor } from './health-monitor.js';
export type {
  CheckCounts,
  MonitoredTable,
  MonitoredTarget,
  MonitorOptions,
  TableChange,
  TableHealth,
  TargetHealth,
  TargetState,
  UseChange,
} from './monitored.js';

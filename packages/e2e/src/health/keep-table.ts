// A program for tests: checks the targets of a table, keeps the table in shared memory accordingly, and prints what happens as lines of JSON. Ends,
// with what it cost, on SIGTERM.
//
//   node keep-table.js '{ "name": "web", "vips": ["10.0.0.1"], "panic": 0.5, "targets": [{ "fwmark": 101, "addresses": ["10.1.0.2"], "health": { … } }] }'

import { once } from 'node:events';
import { HealthMonitor, type MonitoredTable } from '@nfqlb/health';
import { completeHealth, tableHealthSchema } from '@nfqlb/health/settings';
import { changeTable, drainFor } from '@nfqlb/protocol/tables';
import type { KeptTable, KeptTableEvent } from './kept-table.js';

const declared: KeptTable = JSON.parse(process.argv[2]!);
const table: MonitoredTable = {
  ...declared,
  targets: declared.targets.map(({ fwmark, addresses, health }) => {
    const completed = completeHealth(tableHealthSchema.parse(health), undefined);
    if ('problems' in completed) throw new Error(JSON.stringify(completed.problems));
    return { fwmark, addresses, settings: completed.settings, maintenance: false };
  }),
};

function say(event: KeptTableEvent): void {
  console.log(JSON.stringify(event));
}

const monitor = new HealthMonitor({
  onState: (_, { fwmark, state, reason, trouble }) => say({ event: 'state', fwmark, state, reason, trouble }),
  onChange: ({ activate, deactivate, panic }) => {
    changeTable(declared.name, (shared) => {
      const drain = drainFor(shared);
      shared.deactivate(
        deactivate.map(({ fwmark }) => fwmark),
        drain,
      );
      shared.deactivate(deactivate.filter((change) => !change.drain).map(({ fwmark }) => fwmark));
      shared.activate(
        activate.map(({ fwmark }) => ({ fwmark, weight: 1 })),
        drain,
      );
    });
    say({ event: 'change', activate: activate.map(({ fwmark }) => fwmark), deactivate: deactivate.map(({ fwmark }) => fwmark), panic });
  },
});
monitor.watch([table]);
await monitor.settled();
say({
  event: 'settled',
  troubles: monitor.status().flatMap(({ targets }) => targets.map(({ trouble }) => trouble).filter((text) => text !== '')),
});

const count = (): number => monitor.status()[0]!.targets.reduce((sum, { checks }) => sum + checks.passed + checks.failed, 0);
const before = { cpu: process.cpuUsage(), at: performance.now(), checks: count() };
// `once` alone does not keep the event loop alive, but timers of checks do.
await once(process, 'SIGTERM');
const { user, system } = process.cpuUsage(before.cpu);
const seconds = (performance.now() - before.at) / 1000;
say({ event: 'cost', core: (user + system) / 1e6 / seconds, checksPerSecond: (count() - before.checks) / seconds });
await monitor.close();

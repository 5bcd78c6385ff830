// Cost of recomputing a table. `activate` waits for it; a running load balancer never does it.

import { TargetTable } from '@nfqlb/core';
import { measure } from 'mitata';
import { report } from './goal.js';

const NS_PER_MS = 1e6;

for (const [M, N, goal] of [
  [997, 32, 1],
  [65537, 100, 5],
] as const) {
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength({ M, N })), { M, N });
  const fwmarks = Array.from({ length: N }, (_, i) => 101 + i);
  for (const [what, weights] of [
    ['weights 1', fwmarks.map(() => 1)],
    ['weights 1 to 10', fwmarks.map((_, i) => 1 + (i % 10))],
  ] as const) {
    const { p50 } = await measure(() => table.computeLookup(fwmarks, weights), { min_cpu_time: 0.5e9 });
    report(`populating M=${M}, N=${N}, ${what}`, p50 / NS_PER_MS, 'ms', goal);
  }
}

// What deciding a packet costs, against the size of something: `growth.js ROUNDS [AXIS…]` writes figures as JSON. `pnpm bench:growth` runs it.

import type { Axis, Size } from './axis.js';
import { connections } from './connections.js';
import { flows } from './flows.js';
import { fragments } from './fragments.js';
import { queues } from './queues.js';
import { buckets, targets } from './targets.js';

const AXES: readonly Axis[] = [flows, targets, buckets, queues, connections, fragments];

const [rounds, ...only] = process.argv.slice(2);
const results: unknown[] = [];
for (const axis of AXES) {
  if (only.length > 0 && !only.includes(axis.name)) continue;
  process.stderr.write(`${axis.name}\n`);
  results.push({ name: axis.name, points: await measured(axis.sizes(), Number(rounds)) });
}
process.stdout.write(JSON.stringify(results));

/** The sizes take turns: the speed of a machine varies from moment to moment. */
async function measured(sizes: readonly Size[], rounds: number): Promise<unknown[]> {
  const times: number[][] = sizes.map(() => []);
  // The first rounds do not count: in them the code is compiled, for all sizes.
  for (let round = -2; round < rounds; round++) {
    for (const [i, { measure }] of sizes.entries()) {
      const time = await measure();
      if (round >= 0) times[i]!.push(time);
    }
  }
  return sizes.map(({ at, octets }, i) => ({ at, octets, nanoseconds: times[i] }));
}

// `measure.js time MILLISECONDS`: nanoseconds per packet of each workload, as JSON.
// `measure.js run WORKLOAD BATCHES`: decides that many batches, for something that counts instructions, and prints how many packets these are.

import { PACKETS } from '../traffic.js';
import { WORKLOADS } from './workloads.js';

const [mode, ...args] = process.argv.slice(2);
if (mode === 'time') console.log(JSON.stringify(times(Number(args[0]))));
else run(args[0]!, Number(args[1]));

/** The median over the batches that fit into the time: pauses and other programs do not count. */
function times(milliseconds: number): Record<string, number> {
  const workloads = Object.entries(WORKLOADS).map(([name, prepare]) => [name, prepare()] as const);
  // All run through the same compiled code, so let it see all of them before measuring one.
  for (let i = 0; i < 60; i++) for (const [, decide] of workloads) decide();
  return Object.fromEntries(
    workloads.map(([name, decide]) => {
      const batches: number[] = [];
      const end = performance.now() + milliseconds;
      for (let begin = performance.now(); begin < end; ) {
        decide();
        const now = performance.now();
        batches.push(now - begin);
        begin = now;
      }
      batches.sort((a, b) => a - b);
      return [name, (1e6 * batches[batches.length >> 1]!) / PACKETS];
    }),
  );
}

function run(name: string, batches: number): void {
  const decide = WORKLOADS[name]!();
  for (let i = 0; i < batches; i++) decide();
  console.log(batches * PACKETS);
}

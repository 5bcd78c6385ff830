// `pnpm fuzz:guided [NAME…] [--seconds=10] [--seed=N] [--keep] [--jobs=2]`: tries the targets, each in a process of its own.
// `pnpm fuzz:guided NAME --input=BASE64` tries one input again.

import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { findTargets, TargetPrograms } from './target-programs.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ seconds: { type: 'string' }, seed: { type: 'string' }, input: { type: 'string' }, keep: { type: 'boolean' } },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
});
const all = findTargets();
const unknown = positionals.find((name) => !all.has(name));
if (unknown !== undefined) {
  console.error(`fuzz: no target ${unknown}; there are ${[...all.keys()].join(', ')}`);
  process.exit(2);
}
const options = Object.entries(values).flatMap(([name, value]) =>
  name === 'jobs' ? [] : [typeof value === 'boolean' ? `--${name}` : `--${name}=${value}`],
);
using programs = new TargetPrograms();
const names = positionals.length > 0 ? positionals : [...all.keys()];
const waiting = [...names];
const failed: string[] = [];
await Promise.all(
  Array.from({ length: Math.max(1, Number(values.jobs)) }, async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const { passed, output } = await programs.run(name, options);
      console.log(`${name}: ${output.trim()}`);
      if (!passed) failed.push(name);
    }
  }),
);
for (const name of failed) console.log(`failed: ${name}`);
if (failed.length > 0) process.exitCode = 1;

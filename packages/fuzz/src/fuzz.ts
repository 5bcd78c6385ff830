// `pnpm fuzz:guided`: tries the fuzz targets, each in a process of its own.

import { availableParallelism } from 'node:os';
import { Command, oneOf, run, wholeNumber } from '@nfqlb/options';
import { findTargets, TargetPrograms } from './target-programs.js';

interface Options {
  readonly seconds: number;
  readonly seed?: number;
  readonly input?: string;
  readonly keep?: boolean;
  readonly jobs: number;
}

const names = [...findTargets().keys()];

const program = new Command('fuzz')
  .description('tries fuzz targets, guided by the code that their inputs reach; fails if something that always holds does not')
  .argument('[target...]', `which; default: all of ${names.join(', ')}`, (text: string, before?: string[]) => [
    ...(before ?? []),
    oneOf(...names)(text),
  ])
  .option('--seconds <number>', 'how long for each', wholeNumber({ min: 1, max: 86_400 }), 10)
  .option('--seed <number>', 'repeats a run, on a machine as fast', wholeNumber({ min: 0, max: 2 ** 31 - 1 }))
  .option('--input <base64>', 'tries this input only, such as one that has failed')
  .option('--keep', 'writes what was found into the corpus')
  .option('--jobs <number>', 'how many at a time', wholeNumber({ min: 1, max: 1024 }), availableParallelism())
  .action(fuzz);

async function fuzz(targets: readonly string[], { jobs, ...options }: Options): Promise<void> {
  const passed = Object.entries(options).map(([name, value]) => (value === true ? `--${name}` : `--${name}=${value}`));
  const waiting = targets.length > 0 ? [...targets] : [...names];
  const failed: string[] = [];
  using programs = new TargetPrograms();
  const work = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await programs.run(name, passed);
      say(`${name}: ${result.output.trim()}`);
      if (!result.passed) failed.push(name);
    }
  };
  await Promise.all(Array.from({ length: jobs }, work));
  for (const name of failed) say(`failed: ${name}`);
  if (failed.length > 0) process.exitCode = 1;
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

await run(program);

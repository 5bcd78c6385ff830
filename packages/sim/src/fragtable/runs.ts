import { Worker } from 'node:worker_threads';
import { CoreError } from '@nfqlb/core';
import { type RateOptions, type RateResult, sustainedRate } from './sustained-rate.js';

/** Task of a worker thread (fragtable-worker.ts). */
export interface RunTask {
  readonly options: RateOptions;
  readonly seeds: readonly number[];
}

/** Answer of a worker thread: the results in the order of the seeds, or why it failed. */
export type RunAnswer = { readonly results: readonly RateResult[] } | { readonly failure: string };

/**
 * One run per seed, `parallel` at a time. Runs share nothing, so the results do not depend on `parallel`.
 *
 * @returns the results in the order of the seeds
 * @throws {@link CoreError} `out-of-memory`
 */
export async function runAll(options: RateOptions, seeds: readonly number[], parallel: number): Promise<RateResult[]> {
  const threads = Math.min(parallel, seeds.length);
  if (threads <= 1) return seeds.map((seed) => sustainedRate(options, seed));
  const tasks = Array.from({ length: threads }, (_, thread) => seeds.filter((_seed, run) => run % threads === thread));
  const answers = await Promise.all(tasks.map((task) => runInThread({ options, seeds: task })));
  return seeds.map((_, run) => answers[run % threads]![Math.floor(run / threads)]!);
}

async function runInThread(task: RunTask): Promise<readonly RateResult[]> {
  const worker = new Worker(new URL('./fragtable-worker.js', import.meta.url), { workerData: task });
  const answer = await new Promise<RunAnswer>((resolve, reject) => {
    worker.on('message', resolve);
    worker.on('error', reject);
  });
  if ('failure' in answer) throw new CoreError('out-of-memory', answer.failure);
  return answer.results;
}

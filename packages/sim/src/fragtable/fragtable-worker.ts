import { parentPort, workerData } from 'node:worker_threads';
import { CoreError } from '@nfqlb/core';
import type { RunAnswer, RunTask } from './runs.js';
import { sustainedRate } from './sustained-rate.js';

/** A worker thread of `nfqlb-sim fragtable --parallel`. */
function answer({ options, seeds }: RunTask): RunAnswer {
  try {
    return { results: seeds.map((seed) => sustainedRate(options, seed)) };
  } catch (error) {
    if (error instanceof CoreError) return { failure: error.message };
    throw error;
  }
}

parentPort!.postMessage(answer(workerData as RunTask));

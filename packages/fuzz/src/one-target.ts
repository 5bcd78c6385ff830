// The program that fuzz.ts makes of each target.

import { parseArgs } from 'node:util';
import type { FuzzTarget } from '@nfqlb/core/testing';
import { readCorpus, writeCorpus } from './corpus.js';
import { Coverage } from './coverage.js';
import { FuzzFailure, Fuzzing } from './fuzzing.js';
import { watch } from './watch.js';

/** For an input that does not end, in milliseconds. */
const ENDLESS_MS = 30_000;

/**
 * Tries a target: `--corpus=FILE`, then for `--seconds=N` changes of what is there, with `--seed=N`. `--input=BASE64` tries one input only.
 * `--keep` writes the corpus anew, with what was found.
 *
 * @param url of the script that contains the target
 */
export async function tryTarget(target: FuzzTarget, url: string): Promise<void> {
  const { values } = parseArgs({
    options: {
      ...{ corpus: { type: 'string' }, seconds: { type: 'string', default: '10' }, seed: { type: 'string' }, input: { type: 'string' } },
      keep: { type: 'boolean', default: false },
    },
  });
  const missing = target.missing?.();
  if (missing !== undefined) {
    console.log(`${process.env.CI ? 'FAILED' : 'skipped'}: needs ${missing}`);
    if (process.env.CI) process.exitCode = 1;
    return;
  }
  const seed = Number(values.seed ?? Date.now() % 2 ** 31);
  const coverage = new Coverage(url);
  const fuzzing = new Fuzzing(target, { coverage, seed, watch: watch(ENDLESS_MS) });
  try {
    if (values.input !== undefined) {
      await fuzzing.replay([Buffer.from(values.input, 'base64')]);
      console.log('passed');
      return;
    }
    const seeds = (target.seeds ?? []).map((octets) => (typeof octets === 'string' ? Buffer.from(octets, 'latin1') : octets));
    await fuzzing.replay([...readCorpus(values.corpus!), ...seeds]);
    const before = fuzzing.kept.length;
    await fuzzing.run(Number(values.seconds) * 1000);
    if (values.keep) writeCorpus(values.corpus!, await fuzzing.smallest(new Coverage(url)));
    const { functions, missing } = coverage;
    console.log(
      `passed: ${fuzzing.runs} inputs, ${before} + ${fuzzing.kept.length - before} kept, ${functions} functions, ${missing} places not reached, seed ${seed}`,
    );
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    console.log(`FAILED: ${error.message}\n  input ${Buffer.from(error.input).toString('base64')}\n  seed ${seed}`);
    console.log((error.cause as Error).stack);
    process.exitCode = 1;
  }
}

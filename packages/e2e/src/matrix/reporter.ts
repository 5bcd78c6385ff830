import { mkdirSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { dirname } from 'node:path';
import type { Reporter, TestModule, Vitest } from 'vitest/node';
import type { Proof } from './behaviours.js';
import { commitOf } from './commit.js';
import { composeMatrix, formatMatrix, type Outcome } from './matrix.js';
import { LAST_RUN } from './places.js';

/**
 * A Vitest reporter that prints and stores the matrix of this run's results. Prints nothing for a run without such tests.
 */
export default class MatrixReporter implements Reporter {
  /** The repository's folder. */
  #root = process.cwd();

  onInit({ config }: Vitest): void {
    this.#root = config.root;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const outcomes = modules.flatMap((module) => [...outcomesOf(module)]);
    if (outcomes.length === 0) return;
    const matrix = composeMatrix(outcomes, {
      date: new Date().toISOString().slice(0, 10),
      commit: commitOf(this.#root),
      machine: `Linux ${release()}, Node ${process.versions.node}`,
    });
    const table = formatMatrix(matrix);
    mkdirSync(dirname(LAST_RUN), { recursive: true });
    writeFileSync(LAST_RUN, `${JSON.stringify(matrix, undefined, 2)}\n`);
    writeFileSync(LAST_RUN.replace(/json$/, 'md'), table);
    process.stdout.write(`\n${table}\n`);
  }
}

/** Skips tests that did not run: they have not declared what they prove. */
function* outcomesOf(module: TestModule): Generator<Outcome> {
  for (const test of module.children.allTests()) {
    const { proves } = test.meta() as { proves?: Proof };
    const { state } = test.result();
    if (proves === undefined || state === 'skipped') continue;
    yield { proof: proves, test: `${module.relativeModuleId} > ${test.fullName}`, passed: state === 'passed' };
  }
}

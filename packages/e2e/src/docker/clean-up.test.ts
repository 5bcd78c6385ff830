// Whatever becomes of a run of tests, nothing of it stays in Docker.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeDocker } from '../testing/describe-docker.js';
import { containersOf, networksOf } from './remains.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs');

/** Runs a suite of a site that is there for ever, or fails; gives whose it is when the site is there. */
async function startSuite(ending: 'for-ever' | 'fail', folder: string) {
  const note = join(folder, 'owner');
  const suite = spawn(
    process.execPath,
    [VITEST, 'run', '--config', join(ROOT, 'packages/e2e/src/testing/interrupted/vitest.config.ts'), '--reporter=dot'],
    // As a terminal does it: a process group of its own, which ^C goes to.
    { cwd: ROOT, stdio: 'ignore', detached: true, env: { ...process.env, NFQLB_TEST_ENDING: ending, NFQLB_TEST_NOTE: note } },
  );
  const ended = once(suite, 'exit');
  let owner = '';
  for (let i = 0; i < 400 && owner === ''; i++) {
    await sleep(100);
    try {
      owner = readFileSync(note, 'utf8');
    } catch {
      // Not there yet.
    }
  }
  expect(owner).not.toBe('');
  return { suite, ended, owner };
}

async function remains(owner: string): Promise<number> {
  return (await containersOf(owner)).length + (await networksOf(owner)).length;
}

/** Within so many seconds. */
async function untilNothingRemains(owner: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while ((await remains(owner)) > 0 && Date.now() < deadline) await sleep(200);
  expect(await remains(owner)).toBe(0);
}

describeDocker('nothing stays in Docker', () => {
  test.each<[what: string, signal: NodeJS.Signals, toGroup: boolean]>([
    ['^C', 'SIGINT', true],
    ['SIGTERM to Vitest alone', 'SIGTERM', false],
    ['SIGKILL of all of it', 'SIGKILL', true],
  ])(
    'after %s',
    async (_, signal, toGroup) => {
      const folder = mkdtempSync(join(tmpdir(), 'nfqlb-clean-up-'));
      const { suite, ended, owner } = await startSuite('for-ever', folder);
      expect(await remains(owner)).toBeGreaterThanOrEqual(5);
      process.kill(toGroup ? -suite.pid! : suite.pid!, signal);
      await ended;
      await untilNothingRemains(owner, 20);
      rmSync(folder, { recursive: true });
    },
    90_000,
  );

  test('after a test that fails', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-clean-up-'));
    const { ended, owner } = await startSuite('fail', folder);
    expect(await ended).toEqual([1, null]);
    await untilNothingRemains(owner, 10);
    rmSync(folder, { recursive: true });
  }, 90_000);
});

// However a test run ends, it leaves nothing in Docker.

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

/** Starts a suite whose site runs forever or whose test fails; returns the owner once the site exists. */
async function startSuite(ending: 'forever' | 'fail', folder: string) {
  const note = join(folder, 'owner');
  const suite = spawn(
    process.execPath,
    [VITEST, 'run', '--config', join(ROOT, 'packages/e2e/src/testing/interrupted/vitest.config.ts'), '--reporter=dot'],
    // Its own process group, which ^C goes to, as on a terminal.
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

/** Fails if anything is left after `seconds`. */
async function untilNothingRemains(owner: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while ((await remains(owner)) > 0 && Date.now() < deadline) await sleep(200);
  expect(await remains(owner)).toBe(0);
}

describeDocker('nothing is left in Docker', () => {
  test.each<[what: string, signal: NodeJS.Signals, toGroup: boolean]>([
    ['^C', 'SIGINT', true],
    ['SIGTERM to Vitest only', 'SIGTERM', false],
    ['SIGKILL to the whole process group', 'SIGKILL', true],
  ])(
    'after %s',
    async (_, signal, toGroup) => {
      const folder = mkdtempSync(join(tmpdir(), 'nfqlb-clean-up-'));
      const { suite, ended, owner } = await startSuite('forever', folder);
      expect(await remains(owner)).toBeGreaterThanOrEqual(5);
      process.kill(toGroup ? -suite.pid! : suite.pid!, signal);
      await ended;
      await untilNothingRemains(owner, 20);
      rmSync(folder, { recursive: true });
    },
    90_000,
  );

  test('after a failed test', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-clean-up-'));
    const { ended, owner } = await startSuite('fail', folder);
    expect(await ended).toEqual([1, null]);
    await untilNothingRemains(owner, 10);
    rmSync(folder, { recursive: true });
  }, 90_000);
});

import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Running, run, runningPids } from './running.js';

test('run returns a program’s stdout', async () => {
  expect(await run(['cat'], { input: 'in\n' })).toBe('in\n');
  expect(await run(['sh', '-c', 'echo $GREETING'], { env: { GREETING: 'hello' } })).toBe('hello\n');
});

test('a failed program is reported with its status and output', async () => {
  await expect(run(['sh', '-c', 'echo out; echo why >&2; exit 3'])).rejects.toMatchObject({
    code: 'command-failed',
    message: 'sh -c echo out; echo why >&2; exit 3: failed (status 3): why',
  });
  await expect(run(['sh', '-c', 'kill -9 $$'])).rejects.toThrow('failed (SIGKILL)');
});

test('a program that does not exist', async () => {
  await expect(run(['no-such-program'])).rejects.toMatchObject({ code: 'command-failed', message: expect.stringContaining('ENOENT') });
});

test('waitForOutput waits for matching output, with a timeout', async () => {
  await using running = await Running.start(['sh', '-c', 'sleep 0.05; echo ready 7; echo more >&2; exec sleep 100']);
  expect((await running.waitForOutput(/^ready (\d)$/m))[1]).toBe('7');
  await running.waitForOutput(/more/);
  await expect(running.waitForOutput(/never/, 50)).rejects.toMatchObject({ code: 'timed-out' });
  await using short = await Running.start(['sh', '-c', 'echo no']);
  await expect(short.waitForOutput(/yes/)).rejects.toMatchObject({ code: 'command-failed' });
});

test('disposing of a process ends it, even if it ignores SIGTERM', async () => {
  let pid: number;
  {
    await using running = await Running.start(['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.01; done']);
    await running.waitForOutput(/ready/);
    pid = running.pid;
    expect(runningPids()).toContain(pid);
    expect(await running.stop('SIGTERM', 50)).toEqual({ status: null, signal: 'SIGKILL' });
  }
  expect(runningPids()).not.toContain(pid);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test('a process that left a child behind has ended', async () => {
  await using running = await Running.start(['sh', '-c', 'sleep 60 & echo $!']);
  const [left] = await running.waitForOutput(/\d+/);
  expect(await running.exited).toEqual({ status: 0, signal: null });
  // The child still runs; this throws if it does not.
  process.kill(Number(left), 'SIGKILL');
});

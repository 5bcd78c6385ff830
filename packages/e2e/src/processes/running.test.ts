import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Running, run, runningPids } from './running.js';

test('what a program writes to stdout', async () => {
  expect(await run(['cat'], { input: 'in\n' })).toBe('in\n');
  expect(await run(['sh', '-c', 'echo $GREETING'], { env: { GREETING: 'hello' } })).toBe('hello\n');
});

test('a program that fails is told with its status and with what it said', async () => {
  await expect(run(['sh', '-c', 'echo out; echo why >&2; exit 3'])).rejects.toMatchObject({
    code: 'command-failed',
    message: 'sh -c echo out; echo why >&2; exit 3: failed (status 3): why',
  });
  await expect(run(['sh', '-c', 'kill -9 $$'])).rejects.toThrow('failed (SIGKILL)');
});

test('a program that is not there', async () => {
  await expect(run(['no-such-program'])).rejects.toMatchObject({ code: 'command-failed', message: expect.stringContaining('ENOENT') });
});

test('says waits for the words, not for ever', async () => {
  await using running = await Running.start(['sh', '-c', 'sleep 0.05; echo ready 7; echo more >&2; exec sleep 100']);
  expect((await running.says(/^ready (\d)$/m))[1]).toBe('7');
  await running.says(/more/);
  await expect(running.says(/never/, 50)).rejects.toMatchObject({ code: 'timed-out' });
  await using short = await Running.start(['sh', '-c', 'echo no']);
  await expect(short.says(/yes/)).rejects.toMatchObject({ code: 'command-failed' });
});

test('disposing of a process ends it, also one that will not', async () => {
  let pid: number;
  {
    await using running = await Running.start(['sh', '-c', 'trap "" TERM; echo ready; while :; do sleep 0.01; done']);
    await running.says(/ready/);
    pid = running.pid;
    expect(runningPids()).toContain(pid);
    expect(await running.stop('SIGTERM', 50)).toEqual({ status: null, signal: 'SIGKILL' });
  }
  expect(runningPids()).not.toContain(pid);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
});

test('a process that left another one behind has ended', async () => {
  await using running = await Running.start(['sh', '-c', 'sleep 60 & echo $!']);
  const [left] = await running.says(/\d+/);
  expect(await running.exited).toEqual({ status: 0, signal: null });
  // The other one still runs; this throws if it doesn't.
  process.kill(Number(left), 'SIGKILL');
});

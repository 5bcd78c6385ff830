import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestProgram } from './testing/program.js';
import { Watchdog } from './watchdog.js';

let program: TestProgram;
beforeAll(async () => {
  program = await TestProgram.make('watched-program');
});
afterAll(() => program.remove());

test.each([
  ['renews it', 'renews', { status: 0, signal: null }],
  ['has closed it', 'closed', { status: 0, signal: null }],
  ['hangs', 'hangs', { status: null, signal: 'SIGKILL' }],
  ['is stopped', 'stopped', { status: null, signal: 'SIGKILL' }],
])('a process that %s', async (_what, way, expected) => {
  const child = spawn(process.execPath, [program.file, way], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  if (way === 'stopped') child.kill('SIGSTOP');
  const [status, signal] = await once(child, 'exit');
  expect({ status, signal }).toEqual(expected);
});

test('a time of nothing would switch it off, and is refused', () => {
  const watchdog = new Watchdog();
  for (const wrong of [0, -1, Number.NaN]) expect(() => watchdog.renew(wrong)).toThrow('must be at least 1');
  watchdog.close();
  watchdog.close();
});

import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HealthMonitor, type MonitoredTable, type MonitoredTarget, type TableChange, type TargetHealth } from './index.js';
import { settingsOf } from './testing/check.js';
import { freePort } from './testing/listening.js';

/** Targets of the tests: servers of the loopback that can be stopped, by fwmark. */
const servers = new Map<number, Server>();
const ports = new Map<number, number>();
const changes: TableChange[] = [];
const states: string[] = [];
let monitor: HealthMonitor;

beforeEach(() => {
  changes.length = 0;
  states.length = 0;
  monitor = new HealthMonitor({
    onChange: (change) => changes.push(change),
    onState: (table, { fwmark, state }) => states.push(`${table} ${fwmark} ${state}`),
  });
});
afterEach(async () => {
  await monitor.close();
  for (const fwmark of [...servers.keys()]) await stop(fwmark);
});

async function start(...fwmarks: number[]): Promise<void> {
  for (const fwmark of fwmarks) {
    const server = createServer((socket) => socket.on('error', () => {}));
    if (!ports.has(fwmark)) ports.set(fwmark, await freePort());
    server.listen(ports.get(fwmark), '127.0.0.1');
    await once(server, 'listening');
    servers.set(fwmark, server);
  }
}

async function stop(fwmark: number): Promise<void> {
  const server = servers.get(fwmark)!;
  servers.delete(fwmark);
  server.close();
  await once(server, 'close');
}

const QUICK = { interval: 0.1, timeout: 0.1, rise: 2, fall: 2, damping: { downs: 0 } };

function target(fwmark: number, more: Partial<MonitoredTarget> = {}, health: object = {}): MonitoredTarget {
  const settings = settingsOf({ type: 'tcp', port: ports.get(fwmark), ...QUICK, ...health });
  return { fwmark, addresses: ['127.0.0.1'], settings, maintenance: false, ...more };
}

function table(...targets: MonitoredTarget[]): MonitoredTable {
  return { name: 'web', panic: 0.5, vips: [], targets };
}

const stateOf = (fwmark: number): TargetHealth => monitor.status()[0]!.targets.find((each) => each.fwmark === fwmark)!;
const used = (): number[] => [...monitor.used('web')!];

test('a target that fails and comes back', async () => {
  await start(1, 2);
  monitor.watch([table(target(1), target(2))]);
  expect(used()).toEqual([1, 2]);
  await monitor.settled();
  expect(states.sort()).toEqual(['web 1 up', 'web 2 up']);
  expect(changes).toEqual([]);

  await stop(2);
  await expect
    .poll(() => changes)
    .toEqual([
      { table: 'web', activate: [], deactivate: [{ fwmark: 2, reason: '127.0.0.1: connection refused', drain: false }], panic: false },
    ]);
  expect(used()).toEqual([1]);
  expect(stateOf(2)).toMatchObject({ state: 'down', reason: '127.0.0.1: connection refused', used: false, checks: { downs: 1 } });

  await start(2);
  await expect.poll(() => changes.length).toBe(2);
  expect(changes[1]).toMatchObject({
    activate: [{ fwmark: 2, reason: expect.stringMatching(/^up again after \d+\.\d s$/), drain: true }],
    deactivate: [],
  });
  expect(stateOf(2)).toMatchObject({ state: 'up', reason: '', lately: '', used: true });
});

test('one failure is said, and changes nothing', async () => {
  await start(1);
  monitor.watch([table(target(1, {}, { fall: 50 }))]);
  await monitor.settled();
  await stop(1);
  await expect.poll(() => stateOf(1).lately).toMatch(/^127\.0\.0\.1: connection refused \([23] of 50\)$/);
  expect(stateOf(1)).toMatchObject({ state: 'up', reason: '' });
});

test('when more than half are down, all are used', async () => {
  await start(1, 2, 3);
  monitor.watch([table(target(1), target(2), target(3))]);
  await monitor.settled();
  await stop(1);
  await expect.poll(used).toEqual([2, 3]);
  await stop(2);
  await expect.poll(used).toEqual([1, 2, 3]);
  await expect
    .poll(() => changes.at(-1))
    .toEqual({
      table: 'web',
      activate: [{ fwmark: 1, reason: 'panic: 2 of 3 targets are down, so all are used', drain: true }],
      deactivate: [],
      panic: true,
    });
  expect(monitor.status()[0]!.panic).toBe(true);
  await start(1);
  await expect
    .poll(() => changes.at(-1))
    .toEqual({
      table: 'web',
      activate: [],
      deactivate: [{ fwmark: 2, reason: 'panic is over: 127.0.0.1: connection refused', drain: false }],
      panic: false,
    });
  expect(used()).toEqual([1, 3]);
});

test('maintenance: out of use with a drain, and checked nevertheless', async () => {
  await start(1, 2);
  monitor.watch([table(target(1), target(2))]);
  await monitor.settled();
  monitor.watch([table(target(1), target(2, { maintenance: true }))]);
  await expect
    .poll(() => changes)
    .toEqual([{ table: 'web', activate: [], deactivate: [{ fwmark: 2, reason: 'maintenance', drain: true }], panic: false }]);
  const { passed } = stateOf(2).checks;
  await expect.poll(() => stateOf(2).checks.passed).toBeGreaterThan(passed);
  expect(stateOf(2)).toMatchObject({ state: 'maintenance', used: false });
  monitor.watch([table(target(1), target(2))]);
  await expect.poll(() => changes.at(-1)).toMatchObject({ activate: [{ fwmark: 2, drain: true }] });
});

test('targets that appear and disappear are no news; those that stay keep their state', async () => {
  await start(1, 2, 3);
  await stop(2);
  monitor.watch([table(target(1), target(2))]);
  await expect.poll(used).toEqual([1]);
  await expect.poll(() => changes.length).toBe(1);
  monitor.watch([table(target(2, {}, { rise: 1 }), target(3))]);
  expect(used()).toEqual([3]);
  expect(stateOf(2).state).toBe('down');
  await monitor.settled();
  // A last turn for what might be said.
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(changes.length).toBe(1);
  monitor.watch([]);
  expect([monitor.used('web'), monitor.status()]).toEqual([undefined, []]);
});

test('without checks: always used', async () => {
  monitor.watch([table(target(1, { settings: undefined }))]);
  await monitor.settled();
  expect(stateOf(1)).toMatchObject({ state: 'unchecked', used: true });
});

test('a check that cannot be made says nothing about the target, but what is wrong', async () => {
  monitor.watch([table(target(1, {}, { type: 'exec', port: undefined, command: ['/none/here'] }))]);
  await monitor.settled();
  expect(stateOf(1)).toMatchObject({
    state: 'unknown',
    used: true,
    trouble: '127.0.0.1: /none/here: there is no such program',
    checks: { failed: 0 },
  });
});

test('a process that was stopped, and a clock that jumps, take no target out of use', async () => {
  await start(1);
  monitor.watch([table(target(1, {}, { fall: 1 }))]);
  await monitor.settled();
  vi.useFakeTimers({ toFake: ['Date'] });
  try {
    for (const days of [10, -10]) {
      vi.setSystemTime(Date.now() + days * 86_400_000);
      const { passed } = stateOf(1).checks;
      // Longer than the timeout: whatever is under way is late when this ends.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
      await expect.poll(() => stateOf(1).checks.passed).toBeGreaterThan(passed + 1);
    }
  } finally {
    vi.useRealTimers();
  }
  expect(states).toEqual(['web 1 up']);
});

test('nothing is left after closing', async () => {
  const before = readdirSync('/proc/self/fd').length;
  await start(1);
  monitor.watch([table(target(1), target(2, { addresses: ['192.0.2.1'] }))]);
  await expect.poll(() => stateOf(1).state).toBe('up');
  await monitor.close();
  await stop(1);
  const said = states.length;
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(states.length).toBe(said);
  await expect.poll(() => readdirSync('/proc/self/fd').length).toBeLessThanOrEqual(before);
});

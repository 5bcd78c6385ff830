import { describe, expect, test } from 'vitest';
import { ServiceManager } from './service-manager.js';

/** A service manager with a watchdog of 1 s, and what it was told. */
function told(watchdog: 1000 | 'no watchdog' = 1000): {
  readonly manager: ServiceManager;
  readonly told: string[];
  readonly deaf: (is: boolean) => void;
} {
  const said: string[] = [];
  let isDeaf = false;
  const manager = new ServiceManager('/run/notify', watchdog === 1000 ? watchdog : undefined, (address, text) => {
    if (isDeaf) throw Object.assign(new Error('its receiver is busy'), { code: 'EAGAIN' });
    said.push(`${address} ${text}`);
  });
  return {
    manager,
    told: said,
    deaf: (is) => {
      isDeaf = is;
    },
  };
}

const ABOUT = 'listening on queue 2';

test('is told first that the load balancer is ready, and what it does', () => {
  const { manager, told: said } = told();
  manager.look(ABOUT, [], 0);
  expect(said).toEqual([`/run/notify READY=1\nSTATUS=${ABOUT}\nWATCHDOG=1`]);
});

test('then that it is alive, four times in each period', () => {
  const { manager, told: said } = told();
  for (let now = 0; now <= 1000; now += 50) manager.look(ABOUT, [], now);
  expect(said.slice(1)).toEqual(Array(4).fill('/run/notify WATCHDOG=1'));
});

test('as soon as possible if it could not be told for long', () => {
  const { manager, told: said } = told();
  manager.look(ABOUT, [], 0);
  manager.look(ABOUT, [], 5000);
  manager.look(ABOUT, [], 5100);
  manager.look(ABOUT, [], 5250);
  expect(said).toHaveLength(3);
});

test('while the load balancer is not healthy it is told the problems, once, and not that it is alive', () => {
  const { manager, told: said } = told();
  manager.look(ABOUT, [], 0);
  for (let now = 100; now < 20_000; now += 100)
    manager.look(ABOUT, ['queue 2: its worker is stuck', 'queue 3: nobody\nlistens to it'], now);
  expect(said.slice(1)).toEqual(['/run/notify STATUS=not healthy: queue 2: its worker is stuck; queue 3: nobody listens to it']);
  manager.look(ABOUT, [], 20_000);
  expect(said.slice(2)).toEqual([`/run/notify STATUS=${ABOUT}\nWATCHDOG=1`]);
});

test('a load balancer that starts with a problem is ready but not alive', () => {
  const { manager, told: said } = told();
  manager.look(ABOUT, ['queue 2: another program listens to it'], 0);
  expect(said).toEqual(['/run/notify READY=1\nSTATUS=not healthy: queue 2: another program listens to it']);
});

test('without a watchdog it is not told that the load balancer is alive', () => {
  const { manager, told: said } = told('no watchdog');
  for (let now = 0; now < 5000; now += 100) manager.look(ABOUT, [], now);
  expect(said).toEqual([`/run/notify READY=1\nSTATUS=${ABOUT}`]);
});

test('what could not be sent is sent with the next call', () => {
  const { manager, told: said, deaf } = told();
  deaf(true);
  manager.look(ABOUT, [], 0);
  manager.look(ABOUT, [], 100);
  expect(said).toEqual([]);
  deaf(false);
  manager.look(ABOUT, [], 200);
  expect(said).toEqual([`/run/notify READY=1\nSTATUS=${ABOUT}\nWATCHDOG=1`]);
});

test('is told when the load balancer stops', () => {
  const { manager, told: said, deaf } = told();
  manager.stopping();
  expect(said).toEqual(['/run/notify STOPPING=1\nSTATUS=stopping']);
  deaf(true);
  expect(() => manager.stopping()).not.toThrow();
});

describe('from the environment', () => {
  const VARIABLES = { NOTIFY_SOCKET: '/nonexistent/notify', WATCHDOG_USEC: '3000000', WATCHDOG_PID: '77' };

  test('takes the variables away, for child processes', () => {
    const env: NodeJS.ProcessEnv = { ...VARIABLES, HOME: '/' };
    expect(ServiceManager.of(env, 77)).toBeInstanceOf(ServiceManager);
    expect(env).toEqual({ HOME: '/' });
  });

  test.each([{}, { NOTIFY_SOCKET: '' }, { WATCHDOG_USEC: '3000000' }])('there is none with %j', (env) => {
    expect(ServiceManager.of({ ...env }, 77)).toBeUndefined();
  });
});

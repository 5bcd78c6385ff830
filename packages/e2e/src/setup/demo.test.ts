import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { Running } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';

const DEMO = [...NFQLB.command, 'demo'];

/** Namespaces, shared memory and processes of the demo run by process `pid`. */
async function remains(pid: number): Promise<string[]> {
  const name = `nfqlb-demo-${pid}`;
  const files = [...(await readdir('/run/netns')), ...(await readdir('/dev/shm'))].filter((file) => file.startsWith(name));
  const pids = (await readdir('/proc')).filter((file) => /^\d+$/.test(file));
  const commands = await Promise.all(pids.map((other) => readFile(`/proc/${other}/cmdline`, 'utf8').catch(() => '')));
  return [...files, ...commands.filter((command) => command.includes(name)).map((command) => command.replaceAll('\0', ' '))];
}

async function expectNothingLeft(pid: number): Promise<void> {
  // Killed processes remain until the kernel has cleaned up.
  for (let i = 0; i < 100 && (await remains(pid)).length > 0; i++) await sleep(10);
  expect(await remains(pid)).toEqual([]);
}

describeLive(
  'the demo',
  () => {
    test('shows three targets, the loss of one and its return; two demos at a time', async () => {
      await using first = await Running.start(DEMO);
      await using second = await Running.start(DEMO);
      for (const demo of [first, second]) {
        const said = await demo.output();
        expect(demo.stderr).toBe('');
        const shares = (title: string): number[] =>
          said
            .split('\n')
            .find((line) => line.startsWith(title))!
            .match(/\d+(?=%)/g)!
            .map(Number);
        for (const share of [...shares('three targets'), ...shares('target 2 is back')]) expect(Math.abs(share - 33)).toBeLessThan(15);
        const [one, two, three] = shares('without target 2');
        expect(two).toBe(0);
        expect(one! + three!).toBeGreaterThanOrEqual(99);
        expect(said).toMatch(/^\d{4,} questions, \d{4,} answers: \d{1,2} lost\.$/m);
        expect(said).toContain('With target 2 back, every flow is where it was in the beginning.');
        await expectNothingLeft(demo.pid);
      }
    });

    test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('leaves nothing behind after %s', async (signal) => {
      await using demo = await Running.start(DEMO);
      await demo.waitForOutput(/^three targets/m, 10_000);
      expect(await remains(demo.pid)).not.toEqual([]);
      demo.signal(signal);
      expect(await demo.exited).toEqual({ status: null, signal });
      await expectNothingLeft(demo.pid);
    });

    test('removes the leftovers of a killed demo, even if two do so at a time', async () => {
      await using killed = await Running.start(DEMO);
      await killed.waitForOutput(/nfqlb lb /, 10_000);
      killed.signal('SIGKILL');
      await killed.exited;
      expect(await remains(killed.pid)).not.toEqual([]);
      await using next = await Running.start(DEMO);
      await using another = await Running.start(DEMO);
      for (const demo of [next, another]) await demo.waitForOutput(/nfqlb lb /, 10_000);
      await expectNothingLeft(killed.pid);
    });

    test('reports why it cannot run, with the matching exit status', async () => {
      await using demo = await Running.start(['setpriv', '--bounding-set=-net_admin', ...DEMO]);
      expect(await demo.exited).toEqual({ status: 69, signal: null });
      expect(demo.stdout).toBe('');
      expect(demo.stderr).toBe(
        'nfqlb demo: not possible here: network namespaces need root, with the capabilities CAP_NET_ADMIN and CAP_SYS_ADMIN\n',
      );
    });
  },
  NFQLB,
);

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Running, run } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from './topology.js';

let folder: string;
let owner: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nfqlb-e2e-'));
  owner = join(folder, 'owner.mjs');
  await build({
    entryPoints: [fileURLToPath(new URL('../testing/topology-owner.ts', import.meta.url))],
    outfile: owner,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    // So that the bundle finds build/traffic from where it is.
    define: { 'import.meta.url': JSON.stringify(import.meta.url) },
  });
});

afterAll(() => rm(folder, { recursive: true }));

describeLive('nothing is left of a topology', () => {
  test('after it is disposed of', async () => {
    let name: string;
    {
      await using net = await Topology.create({ targets: 2 });
      name = net.name;
      const table = `/dev/shm/${net.sharedMemory('table')}`;
      await writeFile(table, '');
      await net.target(1).spawn(['tail', '-f', table]);
      expect(await namespaces(name)).toEqual([`${name}-client`, `${name}-lb1`, `${name}-t1`, `${name}-t2`]);
      expect(await processes(name)).toHaveLength(1);
    }
    await expectNothingLeft(name);
  });

  test('after a test throws', async () => {
    let name = '';
    const failing = async (): Promise<void> => {
      await using net = await Topology.create();
      name = net.name;
      throw new Error('as asked');
    };
    await expect(failing()).rejects.toThrow('as asked');
    await expectNothingLeft(name);
  });

  test('and another topology stays', async () => {
    await using other = await Topology.create();
    await (await Topology.create())[Symbol.asyncDispose]();
    await other.lb.forwardTo(other.target(1));
    expect(await other.client.run(['ping', '-c', '1', '-W', '1', other.vip4])).toContain(' 0% packet loss');
  });

  test.each([
    ['exit', 0],
    ['fail', 1],
  ])('after its process exits (%s)', async (how, status) => {
    await using process = await Running.start(['node', owner, how]);
    const [, name] = await process.waitForOutput(/^made (\S+)$/m);
    expect(await process.exited).toEqual({ status, signal: null });
    await expectNothingLeft(name!);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('after its process gets %s', async (signal) => {
    await using process = await Running.start(['node', owner]);
    const [, name] = await process.waitForOutput(/^made (\S+)$/m);
    process.signal(signal);
    expect(await process.exited).toEqual({ status: null, signal });
    await expectNothingLeft(name!);
  });

  test.each([0, 3, 6, 10, 15, 20, 30, 40, 60])('after its process is interrupted %i ms into creating it', async (delay) => {
    await using process = await Running.start(['node', owner]);
    await process.waitForOutput(/^making$/m);
    await sleep(delay);
    process.signal('SIGINT');
    await process.exited;
    await expectNothingLeft(`nfqlb-${process.pid}`);
  });

  test('after its process is interrupted while `ip` creates the namespaces', async () => {
    await using process = await Running.start(['node', owner, 'large']);
    while ((await namespaces(`nfqlb-${process.pid}`)).length < 3) await sleep(0);
    process.signal('SIGINT');
    await process.exited;
    // Time for an overlooked `ip` to continue.
    await sleep(200);
    await expectNothingLeft(`nfqlb-${process.pid}`);
  });

  test('after its process is killed, as soon as another process creates one', async () => {
    await using killed = await Running.start(['node', owner]);
    const [, name] = await killed.waitForOutput(/^made (\S+)$/m);
    await killed.stop('SIGKILL');
    expect(await namespaces(name!)).toHaveLength(5);
    expect(await processes(name!)).toHaveLength(2);
    await using next = await Running.start(['node', owner]);
    await next.waitForOutput(/^made/m);
    await expectNothingLeft(name!);
  });
});

describeLive('topologies of one process', () => {
  test('do not disturb each other', async () => {
    const nets = await Promise.all(Array.from({ length: 4 }, (_, i) => Topology.create({ targets: i + 1 })));
    await Promise.all(
      nets.map(async (net, i) => {
        await using _net = net;
        await net.lb.forwardTo(net.target(i + 1));
        await net.client.run(['ping', '-c', '3', '-i', '0.01', '-W', '1', net.vip4]);
        expect(await net.lb.counts(`t${i + 1}`)).toEqual({ received: 0, sent: 3 });
      }),
    );
  });
});

async function expectNothingLeft(name: string): Promise<void> {
  expect(await namespaces(name)).toEqual([]);
  expect(await processes(name)).toEqual([]);
  expect((await readdir('/dev/shm')).filter((file) => file.startsWith(name))).toEqual([]);
}

async function namespaces(name: string): Promise<string[]> {
  const listed = await run(['ip', 'netns', 'list']);
  return listed
    .split('\n')
    .map((line) => line.split(' ')[0]!)
    .filter((line) => line.startsWith(`${name}-`))
    .sort();
}

/** Command lines that contain the topology's name. */
async function processes(name: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const commands = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')));
  return commands.filter((command) => command.includes(`${name}-`));
}

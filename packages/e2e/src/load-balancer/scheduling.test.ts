import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { LoadBalancer, type LoadBalancerOptions } from './load-balancer.js';

interface Thread {
  readonly nice: number;
  /** 0 without one. */
  readonly realTime: number;
  /** As `/proc/self/status` has them: `0-1`. */
  readonly cpus: string;
}

/** The threads of a process (proc_pid_stat(5)). The process's first thread is the main one. */
function threadsOf(pid: number): Thread[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const about = (file: string): string => readFileSync(`/proc/${pid}/task/${thread}/${file}`, 'utf8');
    // From field 3 on: field 2, the name, may have spaces.
    const fields = about('stat')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { nice: Number(fields[16]), realTime: Number(fields[37]), cpus: /^Cpus_allowed_list:\t(.*)$/m.exec(about('status'))![1]! };
  });
}

/** Starts a process with a nice value, whatever this one has. */
const withNice = (nice: number): string[] => ['nice', '-n', String(nice - getPriority())];

const ALL_CPUS = threadsOf(process.pid)[0]!.cpus;

describeLive('threads of queues', () => {
  async function threadsWith({ env = withNice(0), ...options }: Partial<LoadBalancerOptions>): Promise<Thread[]> {
    await using net = await Topology.create({ targets: 1 });
    await using lb = await LoadBalancer.start(net, { fast: false, queue: '2:3', env, ...options });
    return threadsOf(lb.process.pid);
  }

  test('come before the others by default, and may use all CPUs', async () => {
    const threads = await threadsWith({});
    expect(threads[0]).toEqual({ nice: 0, realTime: 0, cpus: ALL_CPUS });
    expect(threads.filter(({ nice }) => nice === -10)).toHaveLength(2);
    expect(threads.filter(({ cpus }) => cpus !== ALL_CPUS)).toEqual([]);
  });

  test('have the priority of a process that was started with one', async () => {
    const threads = await threadsWith({ env: withNice(5) });
    expect(new Set(threads.map(({ nice }) => nice))).toContain(5);
    expect(threads.filter(({ nice }) => nice < 5)).toEqual([]);
  });

  test('have a CPU each, in turn, and the nice value of --priority', async () => {
    const threads = await threadsWith({ options: ['--cpus=0,1', '--priority=-7'] });
    const own = threads.filter(({ nice }) => nice === -7);
    expect(own.map(({ cpus }) => cpus).sort()).toEqual(['0', '1']);
    expect(threads[0]).toEqual({ nice: 0, realTime: 0, cpus: ALL_CPUS });
  });

  test('have the real-time priority of --priority', async () => {
    const permitted = spawnSync('chrt', ['--fifo', '3', 'true']).status === 0;
    const options = ['--priority=fifo:3'];
    if (permitted) expect((await threadsWith({ options })).filter(({ realTime }) => realTime === 3)).toHaveLength(2);
    else await expect(threadsWith({ options })).rejects.toThrow(/real-time priority 3: needs CAP_SYS_NICE/);
  });

  test('a service without CAP_SYS_NICE runs with the default, and is told what a priority needs', async () => {
    const service = [...withNice(0), 'setpriv', '--bounding-set=-sys_nice', '--inh-caps=-sys_nice'];
    const threads = await threadsWith({ env: service });
    expect(threads.filter(({ nice }) => nice !== 0)).toEqual([]);
    const refused = threadsWith({ env: service, options: ['--priority=-1'] });
    await expect(refused).rejects.toThrow(/nice value -1: needs CAP_SYS_NICE, or a limit that allows it \(RLIMIT_NICE\)/);
  });

  test('CPUs that there are not are refused', async () => {
    expect(() => execFileSync('taskset', ['--cpu-list', '4000', 'true'], { stdio: 'ignore' })).toThrow();
    await expect(threadsWith({ options: ['--cpus=4000'] })).rejects.toThrow(/CPUs 4000: this process may use none of these CPUs/);
  });
});

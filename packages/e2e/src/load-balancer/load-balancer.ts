import { setTimeout as sleep } from 'node:timers/promises';
import { E2eError } from '../e2e-error.js';
import type { Circumstances } from '../matrix/behaviours.js';
import type { Running } from '../processes/running.js';
import type { LbHost, Target } from '../topology/host.js';
import { VIP4, VIP6 } from '../topology/plan.js';
import type { Topology } from '../topology/topology.js';
import { onCpu } from '../traffic/program.js';
import { C_NFQLB, NFQLB, type Program } from './program.js';
import { parseQueueStatus, type QueueStatus } from './queue-status.js';

export interface LoadBalancerOptions {
  /** Default: this project's. */
  readonly program?: Program;
  /** Default: the topology's first. */
  readonly host?: LbHost;
  /** A queue, or several such as `0:3`. Default `2`. */
  readonly queue?: string;
  /** The last of several queues, for fragments only. Default: fragments share the other queues. */
  readonly fragmentQueue?: number;
  /** Targets that are active from the start. Default: all. */
  readonly targets?: readonly Target[];
  /** Additional options for `init`, such as `--M=100`. */
  readonly init?: readonly string[];
  /** Run `flowlb`, with flows defined later, instead of `lb` with the table. */
  readonly flows?: boolean;
  /** Where flow commands are accepted. Default: a socket of the network namespace. */
  readonly flowAddress?: string;
  /** Decide whole packets in the kernel. Default: if the environment has `NFQLB_FAST=1`, except for another program. */
  readonly fast?: boolean;
  /** Additional options for `lb`, such as `--qlength=2048`. */
  readonly options?: readonly string[];
  /** Added to the environment of `lb`, such as `NOTIFY_SOCKET=/run/notify`. */
  readonly env?: readonly string[];
  /** The CPU to run on. Default: any. */
  readonly cpu?: number;
}

/** Option `queue` for one or four queues. */
export function queuesAs(queues: 1 | 4): string {
  return queues === 1 ? '2' : '0:3';
}

/** Options for the circumstances of a matrix cell. */
export function startedIn({ queues, fast }: Circumstances): Pick<LoadBalancerOptions, 'queue' | 'fast'> {
  return { queue: queuesAs(queues), ...(fast === undefined ? {} : { fast }) };
}

/**
 * What every load balancer is started by, one word a line: variables of its environment, then a program. For an addon under sanitizers
 * (packages/native/scripts/sanitize-live.mjs).
 */
const STARTED_BY = process.env.NFQLB_STARTED_BY?.split('\n') ?? [];

/** How long the program may take until it listens on its queues, ms. */
const START_TIMEOUT_MS = 30_000;

/**
 * A running `nfqlb lb` with its own table, and the rules that queue packets to the VIP. Disposing of it ends the program but keeps
 * the rules, which are removed with the topology.
 */
export class LoadBalancer implements AsyncDisposable {
  readonly host: LbHost;
  /** The shared memory of its table. */
  readonly table: string;
  readonly #options: LoadBalancerOptions;
  readonly #program: Program;
  #running: Running | undefined;

  private constructor(net: Topology, options: LoadBalancerOptions) {
    this.host = options.host ?? net.lb;
    this.table = net.sharedMemory(this.host.host);
    this.#options = options;
    this.#program = options.program ?? NFQLB;
  }

  /** Creates the table, activates the targets, starts the program and waits until it listens. */
  static async start(net: Topology, options: LoadBalancerOptions = {}): Promise<LoadBalancer> {
    const lb = new LoadBalancer(net, options);
    await lb.run('init', `--shm=${lb.table}`, ...(options.init ?? []));
    const { targets = net.targets } = options;
    if (targets.length > 0) await lb.activate(...targets);
    const { fragmentQueue } = options;
    if (fragmentQueue !== undefined) await lb.host.queueFragments(fragmentQueue);
    const queues = fragmentQueue === undefined ? lb.queues : lb.queues.replace(`:${fragmentQueue}`, '');
    await lb.host.queue(queues, lb.isFast ? 'unmarked' : 'all');
    await lb.restart();
    return lb;
  }

  get queues(): string {
    return this.#options.queue ?? '2';
  }

  /** Whether whole packets are decided in the kernel. */
  get isFast(): boolean {
    return this.#options.fast ?? (process.env.NFQLB_FAST === '1' && this.#program === NFQLB);
  }

  /** The process, for signals and output. */
  get process(): Running {
    if (!this.#running) throw new E2eError('conflict', `${this.host.name}: the load balancer is not running`);
    return this.#running;
  }

  /** Runs another command of the program, such as `lb.run('show', `--shm=${lb.table}`)`, and returns its stdout. */
  run(...args: readonly string[]): Promise<string> {
    return this.host.run([...this.#environment(), ...this.#program.command, ...args]);
  }

  /** Starts a long-running command of the program, such as `lb.spawn('trace', '--selection=packet')`. */
  spawn(...args: readonly string[]): Promise<Running> {
    return this.host.spawn([...this.#environment(), ...this.#program.command, ...args]);
  }

  /** Name of the shared memory with its log level and trace mask. */
  get logConfig(): string {
    return `${this.table}-trace`;
  }

  /** Like {@link run}, but returns stderr. */
  async runForStderr(...args: readonly string[]): Promise<string> {
    await using running = await this.host.spawn([...this.#environment(), ...this.#program.command, ...args]);
    await running.output();
    return running.stderr;
  }

  async activate(...targets: readonly Target[]): Promise<void> {
    await this.run('activate', `--shm=${this.table}`, ...targets.map(({ fwmark }) => String(fwmark)));
  }

  async deactivate(...targets: readonly Target[]): Promise<void> {
    await this.run('deactivate', `--shm=${this.table}`, ...targets.map(({ fwmark }) => String(fwmark)));
  }

  /** Runs `apply` with the content of a configuration file. */
  apply(configuration: object): Promise<string> {
    return this.host.run([...this.#environment(), ...this.#program.command, 'apply', '-'], { input: JSON.stringify(configuration) });
  }

  /**
   * The longest time in which a worker was busy with one batch, up to the next, while `action` runs; in milliseconds, 0 if less than 1.
   * Measured by the program itself, including the time when other programs used the CPU.
   */
  async longestBatch(action: () => Promise<void>): Promise<number> {
    await this.run('loglevel', '7');
    // Earlier batches are logged every tenth of a second.
    await sleep(200);
    const before = this.process.stderr.length;
    await action();
    await sleep(200);
    const logged = [...this.process.stderr.slice(before).matchAll(/: a batch took ([\d.]+) ms/g)];
    await this.run('loglevel', '5');
    return Math.max(0, ...logged.map(([, milliseconds]) => Number(milliseconds)));
  }

  /** Starts the program after it has been stopped or killed. */
  async restart(): Promise<void> {
    const command = this.startCommand();
    const running = await this.host.spawn(command);
    this.#running = running;
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#listens())) {
      if (running.ended) throw await running.failure('ended on start');
      if (Date.now() > deadline) {
        await running.stop();
        throw new E2eError(
          'timed-out',
          `${command.join(' ')}: not listening after ${START_TIMEOUT_MS} ms: ${running.stderr || running.stdout}`,
        );
      }
      await sleep(10);
    }
    // It goes on without.
    if (this.isFast && running.stderr.includes('no fast path')) {
      await running.stop();
      throw new E2eError('missing-prerequisite', `${command.join(' ')}: has no fast path: ${running.stderr.trimEnd()}`);
    }
  }

  /** The command that {@link restart} runs. */
  startCommand(...more: readonly string[]): string[] {
    const { options = [], env = [], cpu, flows = false } = this.#options;
    // The default name of the fragment table is shared by the whole machine.
    const fragments = `--ft_shm=${this.table}-fragments`;
    const what = flows ? ['flowlb'] : ['lb', `--tshm=${this.table}`];
    const fast = this.isFast ? [`--fast=${this.host.devices.join()}`, `--vip=${VIP4}/32,${VIP6}/128`] : [];
    const own = [fragments, `--queue=${this.queues}`, ...fast, ...options, ...more];
    return onCpu([...this.#environment(), ...env, ...STARTED_BY, ...this.#program.command, ...what, ...own], cpu);
  }

  /**
   * Has another process take over, and waits until it is ready and the one before has ended.
   *
   * @returns how long packets waited, in milliseconds
   */
  async takeOver(...options: readonly string[]): Promise<number> {
    const before = this.process;
    const next = await this.host.spawn(this.startCommand('--takeover', ...options));
    await next.waitForOutput(/: listening on queue/, START_TIMEOUT_MS);
    this.#running = next;
    const { status } = await before.exited;
    if (status !== 0) throw await before.failure('did not end well');
    return Number(/has taken over; packets waited ([\d.]+) ms/.exec(before.stderr)![1]);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.process.stop(signal);
    this.#running = undefined;
  }

  /** `kill -9`. */
  kill(): Promise<void> {
    return this.stop('SIGKILL');
  }

  async queueStatus(): Promise<QueueStatus[]> {
    return parseQueueStatus(await this.host.run(['cat', '/proc/net/netfilter/nfnetlink_queue']));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running && !this.#running.ended) await this.#running.stop();
  }

  #environment(): string[] {
    const { flowAddress } = this.#options;
    // Log level and trace mask are also shared by the whole machine.
    const trace = `NFQLB_TRACE_SHM=${this.logConfig}`;
    return ['env', trace, ...(flowAddress === undefined ? [] : [`NFQLB_FLOW_ADDRESS=${flowAddress}`])];
  }

  async #listens(): Promise<boolean> {
    const [first, last = first] = this.queues.split(':').map(Number);
    const bound = await this.queueStatus();
    // This project's program binds queues before anything else, and says when it is ready.
    const isReady = this.#program === C_NFQLB || this.process.stderr.includes('listening on queue');
    return bound.length === last! - first! + 1 && isReady;
  }
}

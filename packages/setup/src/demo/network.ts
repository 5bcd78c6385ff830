import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parseKernelQueues } from '@nfqlb/native';
import { SetupError } from '../setup-error.js';
import { environment, runProgram } from '../step.js';
import { CLIENT, TARGET_HOSTS, VIP4, VIP6 } from './hosts.js';

const NAMESPACES = '/run/netns';
const SHARED_MEMORY = '/dev/shm';

/** The load balancer's host. */
export const LB = 'lb';

/** How long a program may take to become ready, in milliseconds. */
const START_TIMEOUT_MS = 5000;

/**
 * The network namespaces of a demo, which link the load balancer to the client and to each target, and the processes in them. All names begin
 * with `nfqlb-demo-` and the process id, so that demos do not disturb each other and the next one can clean up after a killed one.
 */
export class DemoNetwork {
  readonly #name = `nfqlb-demo-${process.pid}`;
  readonly #processes = new Set<ChildProcess>();

  /** Shared memory does not belong to a network namespace: the name has to be unique. */
  get table(): string {
    return this.#name;
  }

  get fragmentTable(): string {
    return `${this.#name}-fragments`;
  }

  /** @throws {@link SetupError} when the machine does not allow it */
  build(): void {
    removeAbandoned();
    const hosts = [CLIENT, ...TARGET_HOSTS];
    runProgram(
      ['ip', '-batch', '-'],
      [
        ...[LB, ...hosts.map(({ name }) => name)].map((host) => `netns add ${this.#namespace(host)}`),
        ...hosts.map(
          ({ name }) => `link add name ${name} netns ${this.#namespace(LB)} type veth peer name lb netns ${this.#namespace(name)}`,
        ),
      ],
    );
    this.#configure(
      LB,
      hosts.flatMap(({ name, ipv4, ipv6 }) => device(name, ipv4.replace(/2$/, '1'), ipv6.replace(/2$/, '1'))),
    );
    for (const { name, ipv4, ipv6 } of hosts) {
      this.#configure(name, [
        ...device('lb', ipv4, ipv6),
        `route add default via ${ipv4.replace(/2$/, '1')}`,
        `route add default via ${ipv6.replace(/2$/, '1')}`,
        // Direct Server Return: each target has the VIP.
        ...(name === CLIENT.name ? [] : [`address add ${VIP4}/32 dev lo`, `address add ${VIP6}/128 dev lo nodad`]),
      ]);
    }
  }

  /** Starts a program that runs until {@link remove}, or until its standard input ends, as it does when this process ends. */
  start(host: string, command: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#namespace(host), ...command], { env: this.#environment() });
    this.#processes.add(child);
    child.once('exit', () => this.#processes.delete(child));
    return child;
  }

  /**
   * Runs a program to its end.
   *
   * @throws {@link SetupError} `command-failed` unless its status is 0
   */
  async run(host: string, command: readonly string[]): Promise<void> {
    try {
      await promisify(execFile)('ip', ['netns', 'exec', this.#namespace(host), ...command], { env: this.#environment() });
    } catch (cause) {
      const { stderr, message } = cause as { stderr?: string; message: string };
      throw new SetupError('command-failed', stderr?.trim() || message, { cause });
    }
  }

  /**
   * Waits for a process's first output.
   *
   * @throws {@link SetupError} `command-failed` when it ends first, or prints nothing in time
   */
  async waitForOutput(child: ChildProcess): Promise<void> {
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    const hasOutput = once(child.stdout!, 'data').then(() => true);
    const ended = once(child, 'close').then(() => false);
    const timeout = sleep(START_TIMEOUT_MS, false, { ref: false });
    if (!(await Promise.race([hasOutput, ended, timeout])))
      throw new SetupError('command-failed', stderr.trim() || 'a target does not start');
  }

  /**
   * Waits until a process listens to an NFQUEUE.
   *
   * @throws {@link SetupError} `command-failed` when it ends first, or `timed-out`
   */
  async waitForQueue(child: ChildProcess): Promise<void> {
    let stderr = '';
    child.stderr?.on('data', (text) => {
      stderr += text;
    });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new SetupError('command-failed', stderr.trim() || 'nfqlb lb ended at once');
      // A process's view of /proc/net is that of its namespace.
      const status = readIfPresent(`/proc/${child.pid}/net/netfilter/nfnetlink_queue`);
      if (parseKernelQueues(status).length > 0) return;
      await sleep(10);
    }
    throw new SetupError('timed-out', `nfqlb lb does not listen after ${START_TIMEOUT_MS} ms: ${stderr.trim()}`);
  }

  /** Ends all processes and removes everything that was made. Synchronous, since it also runs while this process exits. */
  remove(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    removeAll(this.#name);
  }

  #namespace(host: string): string {
    return `${this.#name}-${host}`;
  }

  /** The shared memory of log level and trace mask does not belong to a network namespace either. */
  #environment(): NodeJS.ProcessEnv {
    return { ...environment(), NFQLB_TRACE_SHM: `${this.#name}-trace` };
  }

  #configure(host: string, lines: readonly string[]): void {
    const namespace = this.#namespace(host);
    // Some machines disable IPv6 or set a strict reverse path filter for new devices. Without duplicate address detection an address is usable
    // at once.
    const files = ['ipv6/conf/*/disable_ipv6', 'ipv4/conf/*/rp_filter', 'ipv6/conf/*/accept_dad'].map((name) => `/proc/sys/net/${name}`);
    runProgram(['ip', 'netns', 'exec', namespace, 'sh', '-c', `echo 0 | tee ${files.join(' ')}`]);
    runProgram(['ip', '-netns', namespace, '-batch', '-'], ['link set lo up', ...lines]);
  }
}

function device(name: string, ipv4: string, ipv6: string): string[] {
  return [`link set ${name} up`, `address add ${ipv4}/24 dev ${name}`, `address add ${ipv6}/64 dev ${name} nodad`];
}

/** Cleans up after killed demos. */
function removeAbandoned(): void {
  const names = new Set([...list(NAMESPACES), ...list(SHARED_MEMORY)].flatMap((name) => /^nfqlb-demo-\d+/.exec(name) ?? []));
  for (const name of names) if (!existsSync(`/proc/${name.replace(/\D+/, '')}`)) removeAll(name);
}

function removeAll(network: string): void {
  for (const namespace of list(NAMESPACES).filter((name) => name.startsWith(`${network}-`))) {
    try {
      removeNamespace(namespace);
    } catch (error) {
      // Another demo may be removing it as well.
      if (existsSync(`${NAMESPACES}/${namespace}`)) throw error;
    }
  }
  for (const name of list(SHARED_MEMORY).filter((name) => name === network || name.startsWith(`${network}-`))) {
    rmSync(`${SHARED_MEMORY}/${name}`, { force: true });
  }
}

function removeNamespace(namespace: string): void {
  for (const pid of runProgram(['ip', 'netns', 'pids', namespace]).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  runProgram(['ip', 'netns', 'delete', namespace]);
}

function list(folder: string): string[] {
  // /run/netns does not exist before the first namespace.
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

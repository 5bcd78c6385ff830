import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parseKernelQueues } from '@nfqlb/native';
import { SetupError } from '../setup-error.js';
import { environment, runProgram } from '../step.js';
import { CLIENT, TARGET_HOSTS, VIP4, VIP6 } from './cast.js';

const NAMESPACES = '/run/netns';
const SHARED_MEMORY = '/dev/shm';

/** The load balancer's host. */
export const LB = 'lb';

/** How long a program may take until it is ready, in milliseconds. */
const START_TIMEOUT_MS = 5000;

/**
 * The network namespaces of a demo, with wires from the load balancer's to the client's and each target's, and what runs in
 * them. All that it makes has names that begin with its own, which tells the process: so nothing is in the way of
 * another demo, and the next one removes what a killed one has left.
 */
export class Stage {
  readonly #name = `nfqlb-demo-${process.pid}`;
  readonly #processes = new Set<ChildProcess>();

  /** Shared memory is one for all network namespaces. */
  get table(): string {
    return this.#name;
  }

  get fragmentTable(): string {
    return `${this.#name}-fragments`;
  }

  /** @throws {@link SetupError} where the machine does not let us */
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
    this.#wire(
      LB,
      hosts.flatMap(({ name, ipv4, ipv6 }) => device(name, ipv4.replace(/2$/, '1'), ipv6.replace(/2$/, '1'))),
    );
    for (const { name, ipv4, ipv6 } of hosts) {
      this.#wire(name, [
        ...device('lb', ipv4, ipv6),
        `route add default via ${ipv4.replace(/2$/, '1')}`,
        `route add default via ${ipv6.replace(/2$/, '1')}`,
        // Direct server return: a target has the VIP.
        ...(name === CLIENT.name ? [] : [`address add ${VIP4}/32 dev lo`, `address add ${VIP6}/128 dev lo nodad`]),
      ]);
    }
  }

  /** Starts a program that runs until it is ended; it may end itself when its standard input ends, as it does with this process. */
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
   * Waits until a process says something.
   *
   * @throws {@link SetupError} `command-failed` when it ends before, or does not in time
   */
  async speaks(child: ChildProcess): Promise<void> {
    let complaint = '';
    child.stderr?.on('data', (text) => {
      complaint += text;
    });
    const spoke = once(child.stdout!, 'data').then(() => true);
    const ended = once(child, 'close').then(() => false);
    const late = sleep(START_TIMEOUT_MS, false, { ref: false });
    if (!(await Promise.race([spoke, ended, late]))) throw new SetupError('command-failed', complaint.trim() || 'a target does not start');
  }

  /**
   * Waits until a process listens to a queue.
   *
   * @throws {@link SetupError} `command-failed` when it ends before, or `timed-out`
   */
  async listens(child: ChildProcess): Promise<void> {
    let said = '';
    child.stderr?.on('data', (text) => {
      said += text;
    });
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new SetupError('command-failed', said.trim() || 'nfqlb lb ended at once');
      // A process's view of /proc/net is that of its namespace.
      const status = readIfThere(`/proc/${child.pid}/net/netfilter/nfnetlink_queue`);
      if (parseKernelQueues(status).length > 0) return;
      await sleep(10);
    }
    throw new SetupError('timed-out', `nfqlb lb does not listen after ${START_TIMEOUT_MS} ms: ${said.trim()}`);
  }

  /** Ends all processes and removes all that was made, at once: an ending process has no event loop any more. */
  remove(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    removeAll(this.#name);
  }

  #namespace(host: string): string {
    return `${this.#name}-${host}`;
  }

  /** The log's level, too, is one for the whole machine. */
  #environment(): NodeJS.ProcessEnv {
    return { ...environment(), NFQLB_TRACE_SHM: `${this.#name}-trace` };
  }

  #wire(host: string, lines: readonly string[]): void {
    const namespace = this.#namespace(host);
    // Some machines have IPv6 off, or a strict reverse path filter, for all that is new; an address is usable at once where nobody
    // looks for its duplicate.
    const files = ['ipv6/conf/*/disable_ipv6', 'ipv4/conf/*/rp_filter', 'ipv6/conf/*/accept_dad'].map((name) => `/proc/sys/net/${name}`);
    runProgram(['ip', 'netns', 'exec', namespace, 'sh', '-c', `echo 0 | tee ${files.join(' ')}`]);
    runProgram(['ip', '-netns', namespace, '-batch', '-'], ['link set lo up', ...lines]);
  }
}

function device(name: string, ipv4: string, ipv6: string): string[] {
  return [`link set ${name} up`, `address add ${ipv4}/24 dev ${name}`, `address add ${ipv6}/64 dev ${name} nodad`];
}

/** Removes what demos have left that were killed. */
function removeAbandoned(): void {
  const names = new Set([...list(NAMESPACES), ...list(SHARED_MEMORY)].flatMap((name) => /^nfqlb-demo-\d+/.exec(name) ?? []));
  for (const name of names) if (!existsSync(`/proc/${name.replace(/\D+/, '')}`)) removeAll(name);
}

function removeAll(stage: string): void {
  for (const namespace of list(NAMESPACES).filter((name) => name.startsWith(`${stage}-`))) {
    try {
      removeNamespace(namespace);
    } catch (error) {
      // Several demos may remove the same that was abandoned.
      if (existsSync(`${NAMESPACES}/${namespace}`)) throw error;
    }
  }
  for (const name of list(SHARED_MEMORY).filter((name) => name === stage || name.startsWith(`${stage}-`))) {
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
  // /run/netns is not there before the first namespace is.
  return existsSync(folder) ? readdirSync(folder) : [];
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

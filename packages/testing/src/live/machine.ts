import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { TestingError } from '../testing-error.js';
import type { Arrival, Message, Order } from './orders.js';

/** How long the load balancer may take until it listens, ms. */
const START_TIMEOUT_MS = 30_000;

/** From its own package.json, so that it is found from the sources and from what is published. */
const require = createRequire(import.meta.url);

/** Namespaces of its own: network, files (shared memory, /run), processes. All in them ends with `unshare`. */
const UNSHARE = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];

const SET_UP = [
  'for program in mount ip iptables ip6tables; do command -v $program >/dev/null || { echo "needs the program $program" >&2; exit 1; }; done',
  'mount -t tmpfs tmpfs /dev/shm',
  'mount -t tmpfs tmpfs /run',
  'ip link set lo up',
  'cd /proc/sys/net',
  'echo 0 >ipv6/conf/all/disable_ipv6',
  'echo 0 >ipv6/conf/default/disable_ipv6',
  'echo 0 >ipv4/conf/all/rp_filter',
  'echo 0 >ipv4/conf/default/rp_filter',
  'echo 1 >ipv4/ip_forward',
  'echo 1 >ipv6/conf/all/forwarding',
];

/** The device through which the clients' packets come. */
const CLIENTS = 'clients';

/** A machine with a load balancer, in namespaces of its own. Packets with a fwmark leave through the device of that fwmark. */
export class Machine implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #orders = new Map<number, { readonly resolve: () => void; readonly reject: (error: Error) => void }>();
  #count = 0;
  #said = '';
  #ended: string | undefined;

  private constructor(process: ChildProcess, onArrival: (arrival: Arrival) => void) {
    this.#process = process;
    process.stderr!.setEncoding('utf8').on('data', (said: string) => {
      this.#said += said;
    });
    process.on('message', (message: Message) => {
      if ('to' in message) {
        const order = this.#orders.get(message.to);
        this.#orders.delete(message.to);
        if (message.failure === undefined) order?.resolve();
        else order?.reject(new TestingError(`the live world: ${message.failure}`));
      } else if ('arrived' in message) message.arrived.forEach(onArrival);
      else if ('said' in message) this.#said += message.said;
      else this.#ended = message.ended;
    });
    const end = (how: string): void => {
      this.#ended ??= how;
      for (const { reject } of this.#orders.values()) reject(this.#failure());
      this.#orders.clear();
    };
    process.on('exit', (status, signal) => end(signal ?? `status ${status}`));
    process.on('error', (error) => end(`unshare: ${error.message}`));
  }

  /** @throws {@link TestingError} if this machine or user cannot */
  static async create(onArrival: (arrival: Arrival) => void): Promise<Machine> {
    const program = join(dirname(require.resolve('@nfqlb/testing/package.json')), 'dist/machine-program.js');
    const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
    const child = spawn('unshare', [...user, ...UNSHARE, process.execPath, program], {
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      serialization: 'advanced',
      // Here are no others to be told apart from.
      env: { ...process.env, NFQLB_FLOW_ADDRESS: undefined, NFQLB_TRACE_SHM: undefined },
    });
    const machine = new Machine(child, onArrival);
    try {
      await machine.#setUp();
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      throw error;
    }
    return machine;
  }

  async #setUp(): Promise<void> {
    await this.order({ do: 'shell', lines: SET_UP });
    await this.order({ do: 'open', devices: [CLIENTS] });
    // Whatever else has no route goes back to the clients. All that comes in is decided, what the load balancer sends again, too.
    const queue = '-w -t mangle -A PREROUTING ! -i lo -j NFQUEUE --queue-num 2';
    const lines = [
      `ip route add default dev ${CLIENTS}`,
      `ip -6 route add default dev ${CLIENTS}`,
      `iptables ${queue}`,
      `ip6tables ${queue}`,
    ];
    await this.order({ do: 'shell', lines });
  }

  /** Leads packets with these fwmarks to devices of their own. */
  async lead(devices: ReadonlyMap<number, string>): Promise<void> {
    if (devices.size === 0) return;
    await this.order({ do: 'open', devices: [...devices.values()] });
    const lines = [...devices].flatMap(([fwmark, device]) =>
      ['-4', '-6'].flatMap((family) => [
        `ip ${family} rule add fwmark ${fwmark} table ${fwmark}`,
        `ip ${family} route add default dev ${device} table ${fwmark}`,
      ]),
    );
    await this.order({ do: 'shell', lines });
  }

  /** Runs a command of the program. */
  async run(command: readonly string[]): Promise<void> {
    await this.order({ do: 'shell', lines: [command.map(quoted).join(' ')] });
  }

  /** Starts the load balancer, and waits until it listens. */
  async start(command: readonly string[]): Promise<void> {
    this.#said = '';
    await this.order({ do: 'start', command });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!this.#said.includes('listening on queue')) {
      if (this.#ended !== undefined) throw this.#failure();
      if (performance.now() > deadline)
        throw new TestingError(`the live world: ${command.join(' ')} did not listen in time: ${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Lets packets come in; resolves when the load balancer has decided all of them. */
  async send(packets: readonly Uint8Array[]): Promise<void> {
    if (this.#ended !== undefined) throw this.#failure();
    await this.order({ do: 'send', packets });
  }

  order(order: Order): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return Promise.reject(this.#failure());
    const number = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#orders.set(number, { resolve, reject });
      this.#process.send([number, order]);
    });
  }

  /** Kills it, with all that runs on it. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null || this.#process.pid === undefined) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exited;
  }

  #failure(): TestingError {
    const said = this.#said.trim();
    if (/unshare.*(?:Operation not permitted|EPERM)|unshare: .*failed/.test(said)) {
      return new TestingError(`NFQLB_WORLD=live: needs root (CAP_SYS_ADMIN), to make network namespaces: ${said}`);
    }
    if (this.#ended?.startsWith('unshare:'))
      return new TestingError('NFQLB_WORLD=live: needs the program unshare (Linux, package util-linux)');
    return new TestingError(`the live world ended (${this.#ended}): ${said}`);
  }
}

/** A word for a shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

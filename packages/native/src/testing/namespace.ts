import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Answer, Order } from './queue-program.js';

/** Programs, and the Debian packages that provide them. */
const PROGRAMS = { ip: 'iproute2', iptables: 'iptables', ip6tables: 'iptables', setpriv: 'util-linux' };

/** What is missing for a namespace with a queue; `undefined` if nothing is. */
export function missingForQueues(): string | undefined {
  for (const [program, debian] of Object.entries(PROGRAMS)) {
    if (spawnSync(program, ['-V']).error) return `${program} (Debian package ${debian})`;
  }
  return spawnSync('unshare', ['--net', 'true']).status === 0 ? undefined : 'root, to create network namespaces';
}

/** Restrictions of a program in a namespace. */
export interface Privileges {
  /** A user other than root, without capabilities. */
  readonly uid?: number;
  /** Capabilities to drop, such as `net_admin`. */
  readonly without?: string;
}

let created = 0;

/** A network namespace where UDP from a tun device to 10.0.0.1 and 1000::1 goes through queue 2. */
export class QueueNamespace {
  readonly name: string = `nfqlb-native-${process.pid}-${created++}`;
  readonly #programs: ChildProcess[] = [];

  constructor() {
    execFileSync('ip', ['netns', 'add', this.name]);
    // All in one shell: a process per line would take most of the time.
    this.shell(
      'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6',
      'ip link set lo up',
      'ip tuntap add dev tun0 mode tun',
      'ip link set tun0 up mtu 9000',
      'ip addr add 10.0.0.1/8 dev tun0',
      'ip addr add 1000::1/64 dev tun0 nodad',
      'iptables -w -t mangle -A PREROUTING -p udp -d 10.0.0.1 -j NFQUEUE --queue-num 2',
      'ip6tables -w -t mangle -A PREROUTING -p udp -d 1000::1 -j NFQUEUE --queue-num 2',
    );
  }

  /** Runs shell lines in it, up to the first that fails; returns their output. */
  shell(...lines: readonly string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, 'sh', '-ec', lines.join('\n')], { encoding: 'utf8' });
  }

  /** Starts queue-program.ts in it, bundled as `file`. */
  start(file: string, { uid, without }: Privileges = {}): QueueProgram {
    const as = [
      ...(uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all']),
      ...(without === undefined ? [] : ['setpriv', `--bounding-set=-${without}`, `--inh-caps=-${without}`]),
    ];
    const program = spawn('ip', ['netns', 'exec', this.name, ...as, process.execPath, file], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#programs.push(program);
    return new QueueProgram(program);
  }

  /** Starts counting incoming packets with each of these marks. */
  watchMarks(marks: readonly number[]): void {
    this.shell(
      ...marks.flatMap((mark) =>
        ['iptables', 'ip6tables'].map((iptables) => `${iptables} -w -t mangle -A INPUT -p udp -m mark --mark ${mark}`),
      ),
    );
  }

  /** Number of incoming packets for each watched mark. */
  marks(): Map<number, number> {
    const seen = new Map<number, number>();
    for (const iptables of ['iptables-save', 'ip6tables-save']) {
      const rules = this.shell(`${iptables} -c -t mangle`).matchAll(/^\[(\d+):\d+\] -A INPUT .*--mark (0x[0-9a-f]+)/gm);
      for (const [, packets, mark] of rules) seen.set(Number(mark), (seen.get(Number(mark)) ?? 0) + Number(packets));
    }
    return seen;
  }

  /** The kernel's counts for queue 2: packets waiting, and packets dropped because the queue or the socket was full. */
  kernelQueue(): { waiting: number; queueDropped: number; socketDropped: number } {
    const column = this.shell('cat /proc/net/netfilter/nfnetlink_queue').trim().split(/\s+/).map(Number);
    return { waiting: column[2]!, queueDropped: column[5]!, socketDropped: column[6]! };
  }

  /** Removes it, after killing all programs running in it. */
  async remove(): Promise<void> {
    for (const program of this.#programs) {
      if (program.exitCode !== null || program.signalCode !== null) continue;
      program.kill('SIGKILL');
      await once(program, 'exit');
    }
    execFileSync('ip', ['netns', 'del', this.name]);
  }
}

/** A running queue-program.ts. */
export class QueueProgram {
  readonly process: ChildProcess;

  readonly #ended: Promise<never>;

  constructor(process: ChildProcess) {
    this.process = process;
    this.#ended = once(process, 'exit').then(([code, signal]) => {
      throw new Error(`the program ended: ${signal ?? code}`);
    });
    this.#ended.catch(() => {});
  }

  /** Throws an error with the fields of the program's answer. */
  async order(order: Order): Promise<Answer> {
    const answered = once(this.process, 'message');
    this.process.send(order);
    const [answer] = (await Promise.race([answered, this.#ended])) as [Answer];
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer;
  }
}

import { Running, run, type StartOptions } from '../processes/running.js';

/** The set-up of a namespace before anything runs in it. */
export interface NamespaceSetup {
  /** Below /proc/sys/net/, such as `ipv4/ip_forward`. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** Lines for `ip -batch`. */
  readonly ip: readonly string[];
  /** Lines for `ip -6 -batch`, where IPv4 is the default. */
  readonly ip6: readonly string[];
  /** Devices that must not merge or split packets, nor offload checksums. */
  readonly noOffload: readonly string[];
}

/** Packet counters of one device. */
export interface DeviceCounts {
  readonly received: number;
  readonly sent: number;
}

/** A network namespace. */
export class Namespace {
  /** Its name in `ip netns`. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** For setns(2). */
  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** Runs a program to completion and returns its stdout; throws if it fails. */
  run(command: readonly string[], options?: StartOptions): Promise<string> {
    return run(this.#inside(command), options);
  }

  /** Starts a program: `nsenter` is replaced by it, so the process id is the program's. */
  spawn(command: readonly string[], options?: StartOptions): Promise<Running> {
    return Running.start(this.#inside(command), options);
  }

  /** Runs `ip`, for example `net.lb.ip('route show table 101')`. */
  ip(line: string): Promise<string> {
    return run(['ip', '-netns', this.name, ...words(line)]);
  }

  /** Runs `iptables` for IPv4 or `ip6tables` for IPv6. */
  async iptables(family: 4 | 6, line: string): Promise<string> {
    return this.run([family === 4 ? 'iptables' : 'ip6tables', '-w', ...words(line)]);
  }

  /** Uses a single shell: a process for each line would take most of the time to create a topology. */
  async setUp({ sysctls, ip, ip6, noOffload }: NamespaceSetup): Promise<void> {
    const script = [
      'set -e',
      // Some machines disable IPv6 by default.
      'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6',
      `ip -batch - <<'END'\n${ip.join('\n')}\nEND`,
      `ip -6 -batch - <<'END'\n${ip6.join('\n')}\nEND`,
      // Forwarding last: a device created on a router joins the routers' multicast groups and sends reports.
      ...Object.entries(sysctls).map(([name, value]) => `echo ${value} >/proc/sys/net/${name}`),
      ...noOffload.map((device) => offload(device, 'off')),
    ];
    await this.run(['sh'], { input: script.join('\n') });
  }

  /** Lets devices merge and split packets, as they do by default, or not. */
  async offload(devices: readonly string[], state: 'on' | 'off'): Promise<void> {
    await this.run(['sh', '-e'], { input: devices.map((device) => offload(device, state)).join('\n') });
  }

  async counts(device: string): Promise<DeviceCounts> {
    const [link] = JSON.parse(await run(['ip', '-netns', this.name, '-json', '-statistics', 'link', 'show', 'dev', device]));
    return { received: link.stats64.rx.packets, sent: link.stats64.tx.packets };
  }

  #inside(command: readonly string[]): string[] {
    // Not `ip netns exec`, which mounts another /sys, without the BPF file system.
    return ['nsenter', `--net=${this.path}`, ...command];
  }
}

/** A shell command. */
function offload(device: string, state: 'on' | 'off'): string {
  return `ethtool -K ${device} ${['gro', 'gso', 'tso', 'tx'].map((feature) => `${feature} ${state}`).join(' ')} >/dev/null`;
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

import { Running, run, type StartOptions } from '../processes/running.js';

/** What a namespace gets before anything runs in it. */
export interface NamespaceSetup {
  /** Below /proc/sys/net/, as in `ipv4/ip_forward`. */
  readonly sysctls: Readonly<Record<string, number>>;
  /** Lines for `ip -batch`. */
  readonly ip: readonly string[];
  /** Lines for `ip -6 -batch`, where IPv4 is the default. */
  readonly ip6: readonly string[];
  /** Devices that shall neither merge nor split packets, nor leave checksums to hardware that is not there. */
  readonly honest: readonly string[];
}

/** Counts of one device, since it was made. */
export interface DeviceCounts {
  readonly received: number;
  readonly sent: number;
}

/** A network namespace, and what is done in it. */
export class Namespace {
  /** As `ip netns` knows it. */
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** For setns(2). */
  get path(): string {
    return `/run/netns/${this.name}`;
  }

  /** Runs a program to its end and gives its stdout; throws when it fails. */
  run(command: readonly string[], options?: StartOptions): Promise<string> {
    return run(this.#inside(command), options);
  }

  /** Starts a program: `ip netns exec` becomes it, the process id is the program's. */
  spawn(command: readonly string[], options?: StartOptions): Promise<Running> {
    return Running.start(this.#inside(command), options);
  }

  /** Runs `ip`, as in `net.lb.ip('route show table 101')`. */
  ip(line: string): Promise<string> {
    return run(['ip', '-netns', this.name, ...words(line)]);
  }

  /** Runs `iptables` with an IPv4 rule or `ip6tables` with an IPv6 one. */
  async iptables(family: 4 | 6, line: string): Promise<string> {
    return this.run([family === 4 ? 'iptables' : 'ip6tables', '-w', ...words(line)]);
  }

  /** All in one shell: a process for each line would take most of the time that a topology takes. */
  async setUp({ sysctls, ip, ip6, honest }: NamespaceSetup): Promise<void> {
    const script = [
      'set -e',
      // Some machines have IPv6 off by default.
      'echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6',
      `ip -batch - <<'END'\n${ip.join('\n')}\nEND`,
      `ip -6 -batch - <<'END'\n${ip6.join('\n')}\nEND`,
      // Forwarding last: a device that is made on a router joins the routers' multicast groups, and reports that.
      ...Object.entries(sysctls).map(([name, value]) => `echo ${value} >/proc/sys/net/${name}`),
      ...honest.map((device) => `ethtool -K ${device} gro off gso off tso off tx off >/dev/null`),
    ];
    await this.run(['sh'], { input: script.join('\n') });
  }

  async counts(device: string): Promise<DeviceCounts> {
    const [link] = JSON.parse(await run(['ip', '-netns', this.name, '-json', '-statistics', 'link', 'show', 'dev', device]));
    return { received: link.stats64.rx.packets, sent: link.stats64.tx.packets };
  }

  #inside(command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...command];
  }
}

function words(line: string): string[] {
  return line.trim().split(/\s+/);
}

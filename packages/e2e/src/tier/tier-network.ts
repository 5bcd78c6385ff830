/**
 * The network of docs/tier.md: a router, load balancers and targets on one Ethernet, and a client behind the router. Each is a namespace.
 *
 *     client 10.2.0.2 ── 10.2.0.1 router 10.1.0.2 ──┬── lb1 10.1.0.1, lb2 10.1.0.3, lb3 10.1.0.4
 *                                                   └── t1 10.1.0.101 …, with the VIPs; answers go straight to the router
 */

import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NFQLB } from '../load-balancer/program.js';
import { Running, run } from '../processes/running.js';
import { newTopologyName, removeTopology } from '../topology/lifetime.js';
import { Namespace, type NamespaceSetup } from '../topology/namespace.js';
import { trafficCommand } from '../traffic/program.js';

export const VIPS = { 4: '10.0.0.1', 6: '1000::1' } as const;
/** Port of the echo servers. */
export const PORT = 7;
/** The load balancers' hosts. */
export const MEMBERS = ['lb1', 'lb2', 'lb3'] as const;
export const METRICS = '127.0.0.1:9911';

/** The hosts on the Ethernet, by their number there. */
const NUMBERS: Readonly<Record<string, number>> = { lb1: 1, router: 2, lb2: 3, lb3: 4, t1: 101, t2: 102, t3: 103, t4: 104, t5: 105 };

const address = (host: string, family: 4 | 6): string => (family === 4 ? `10.1.0.${NUMBERS[host]}` : `fd01::${NUMBERS[host]}`);

/** A configuration that docs/tier.md shows. */
export function shownFile(name: string): string {
  const page = readFileSync(fileURLToPath(new URL('../../../../docs/tier.md', import.meta.url)), 'utf8');
  return new RegExp(`<!-- file ${name} -->\\s+\`\`\`\\w+\\n([^]*?)\`\`\``).exec(page)![1]!;
}

/** A load balancer's host, and `nfqlb run` there. */
export class TierMember {
  readonly host: Namespace;
  readonly address: string;
  readonly #file: string;
  #running: Running | undefined;

  constructor(host: Namespace, ownAddress: string, file: string) {
    this.host = host;
    this.address = ownAddress;
    this.#file = file;
  }

  get process(): Running {
    return this.#running!;
  }

  /** Changes the file. */
  write(configuration: object): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(configuration));
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** As on a machine of its own: tables have the same name on all of them. */
  async start(configuration: object): Promise<void> {
    this.write(configuration);
    const own = ['unshare', '--mount', 'sh', '-ec', 'mount -t tmpfs tmpfs /dev/shm; exec "$@"', 'sh'];
    this.#running = await this.host.spawn([...own, ...NFQLB.command, 'run', `--config=${this.#file}`]);
    await this.#running.waitForOutput(/: in force: /, 30_000);
  }

  nfqlb(...args: readonly string[]): Promise<string> {
    return this.host.run([...NFQLB.command, ...args]);
  }
}

export class TierNetwork implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'nfqlb-tier-'));
  readonly client: Namespace;
  readonly router: Namespace;
  readonly members: readonly TierMember[];
  readonly targets: readonly Namespace[];
  readonly #switch: Namespace;
  readonly #name: string;
  readonly #hosts: ReadonlyMap<string, Namespace>;

  private constructor(name: string) {
    this.#name = name;
    this.#hosts = new Map(Object.keys(NUMBERS).map((host) => [host, new Namespace(`${name}-${host}`)]));
    this.client = new Namespace(`${name}-client`);
    this.#switch = new Namespace(`${name}-switch`);
    this.router = this.#hosts.get('router')!;
    const member = (host: string): TierMember =>
      new TierMember(this.#hosts.get(host)!, address(host, 4), join(this.folder, `${host}.json`));
    this.members = MEMBERS.map(member);
    this.targets = ['t1', 't2', 't3', 't4', 't5'].map((host) => this.#hosts.get(host)!);
  }

  static async create(): Promise<TierNetwork> {
    const net = new TierNetwork(newTopologyName());
    try {
      await net.#build();
    } catch (error) {
      await net[Symbol.asyncDispose]();
      throw error;
    }
    return net;
  }

  /** What all load balancers run. */
  configuration(table: object = {}): object {
    const targets = this.targets.map((_, i) => ({ fwmark: 101 + i, address: [address(`t${i + 1}`, 4), address(`t${i + 1}`, 6)] }));
    const vips = [`${VIPS[4]}/32`, `${VIPS[6]}/128`];
    return { tables: { web: { mode: 'dsr', vips, announce: true, drain: 60, targets, ...table } }, options: { metrics: METRICS } };
  }

  /** Answers with the number of the target, at the VIPs and its own addresses. */
  async serve(): Promise<Running> {
    const at = this.targets.flatMap(({ path }, i) =>
      [...Object.values(VIPS), address(`t${i + 1}`, 4), address(`t${i + 1}`, 6)].map((where) => `${i + 1},${path},${where}`),
    );
    const running = await Running.start(trafficCommand('echo', { at, port: PORT }));
    await running.waitForOutput(/^ready$/m);
    return running;
  }

  /** A file that docs/tier.md shows, for a load balancer with another address than that of the page. */
  write(name: string, host: string, edit: (text: string) => string = (text) => text): string {
    const file = join(this.folder, `${host}-${name}`);
    writeFileSync(file, edit(shownFile(name).replaceAll(/\b10\.1\.0\.1\b/g, host === 'router' ? '10.1.0.1' : address(host, 4))));
    return file;
  }

  /** Cuts a host off: its frames are lost, and no device goes down. */
  async cutOff(host: string): Promise<void> {
    await this.#switch.ip(`link set ${host} nomaster`);
  }

  async connect(host: string): Promise<void> {
    await this.#switch.ip(`link set ${host} master bridge`);
  }

  /** The router's next hops for a VIP, sorted. */
  async nextHops(family: 4 | 6 = 4): Promise<string[]> {
    const routes = JSON.parse(await this.router.ip(`-${family} -json route show ${VIPS[family]}`)) as {
      gateway?: string;
      nexthops?: { gateway: string }[];
    }[];
    return routes.flatMap(({ gateway, nexthops = [] }) => [...(gateway ? [gateway] : []), ...nexthops.map((hop) => hop.gateway)]).sort();
  }

  /** Waits until the router's next hops are these. @returns milliseconds since `since` */
  async untilHops(hops: readonly string[], since: number = performance.now(), timeoutMs = 20_000): Promise<number> {
    for (;;) {
      const now = await this.nextHops();
      const after = performance.now() - since;
      if (now.join() === [...hops].sort().join()) return Math.round(after);
      if (after > timeoutMs) throw new Error(`the router's next hops are ${now.join() || 'none'}, not ${hops.join()}`);
      await sleep(10);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    removeTopology(this.#name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #build(): Promise<void> {
    const hosts = [...this.#hosts];
    await run(['ip', '-batch', '-'], {
      input: [
        ...[...this.#hosts.values(), this.client, this.#switch].map(({ name }) => `netns add ${name}`),
        ...hosts.map(([host, { name }]) => `link add name ${host} netns ${this.#switch.name} type veth peer name eth0 netns ${name}`),
        `link add name eth1 netns ${this.router.name} type veth peer name eth0 netns ${this.client.name}`,
      ].join('\n'),
    });
    await this.#switch.setUp({
      ...NOTHING,
      ip: [
        'link add bridge type bridge',
        'link set bridge up',
        ...hosts.flatMap(([host]) => [`link set ${host} master bridge`, `link set ${host} up`]),
      ],
    });
    await this.client.setUp({
      ...NOTHING,
      ip: ['link set lo up', ...up('eth0', '10.2.0.2/24', 'fd02::2/64'), 'route add default via 10.2.0.1', 'route add default via fd02::1'],
      noOffload: ['eth0'],
    });
    await Promise.all(hosts.map(([host, namespace]) => namespace.setUp(setUpOf(host))));
  }
}

const NOTHING: NamespaceSetup = { sysctls: {}, ip: [], ip6: [], noOffload: [] };

function up(device: string, ...addresses: readonly string[]): string[] {
  return [`link set ${device} up`, ...addresses.map((own) => `address add ${own} dev ${device}${own.includes(':') ? ' nodad' : ''}`)];
}

const FORWARDING = { 'ipv4/ip_forward': 1, 'ipv6/conf/all/forwarding': 1 };
/** Packets with a VIP as source come from targets, and those to it arrive from elsewhere. */
const ANY_PATH = { 'ipv4/conf/all/rp_filter': 0, 'ipv4/conf/eth0/rp_filter': 0 };
/** As `docs/tier.md` says of the router. */
const BY_PORTS = { 'ipv4/fib_multipath_hash_policy': 1, 'ipv6/fib_multipath_hash_policy': 1 };

function setUpOf(host: string): NamespaceSetup {
  const ip = ['link set lo up', ...up('eth0', `${address(host, 4)}/24`, `${address(host, 6)}/64`)];
  const defaults = ['route add default via 10.1.0.2', 'route add default via fd01::2'];
  const noOffload = ['eth0'];
  if (host === 'router') {
    const sysctls = { ...FORWARDING, ...ANY_PATH, ...BY_PORTS, 'ipv4/conf/eth0/send_redirects': 0, 'ipv4/conf/all/send_redirects': 0 };
    return { sysctls, ip: [...ip, ...up('eth1', '10.2.0.1/24', 'fd02::1/64')], ip6: [], noOffload: ['eth0', 'eth1'] };
  }
  if (host.startsWith('lb')) {
    const sysctls = { ...FORWARDING, ...ANY_PATH, 'ipv4/conf/eth0/send_redirects': 0, 'ipv4/conf/all/send_redirects': 0 };
    return { sysctls, ip: [...ip, ...defaults], ip6: [], noOffload };
  }
  const vips = [`address add ${VIPS[4]}/32 dev lo`, `address add ${VIPS[6]}/128 dev lo nodad`];
  // The VIP is on all targets: none says that it is its own.
  const sysctls = { ...ANY_PATH, 'ipv4/conf/all/arp_ignore': 1, 'ipv4/conf/all/arp_announce': 2 };
  return { sysctls, ip: [...ip, ...vips, ...defaults], ip6: [], noOffload };
}

import { Namespace, type NamespaceSetup } from './namespace.js';
import {
  CLIENT,
  CLIENT_SOURCES4,
  CLIENT_SOURCES6,
  GATE,
  type LinkEnd,
  lbFwmark,
  type Plan,
  ROUTER,
  SILENT,
  targetFwmark,
  VIP4,
  VIP6,
} from './plan.js';

/** One end of a wire as its host sees it. */
export interface Wire {
  readonly own: LinkEnd;
  readonly peer: LinkEnd;
}

/** The device of an LB for packets to the VIP that no fwmark routes elsewhere. They are counted and dropped. */
const ASTRAY = 'astray';

/** A host of a topology: a namespace with wires to other hosts. */
export class Host extends Namespace {
  /** Its name in the topology, such as `t1`. */
  readonly host: string;
  /** By the name of the host at the other end. */
  readonly wires: ReadonlyMap<string, Wire>;

  constructor(topology: string, host: string, plan: Plan) {
    super(`${topology}-${host}`);
    this.host = host;
    this.wires = new Map(
      plan.links.flatMap(([a, b]) => {
        if (a.host === host) return [[b.host, { own: a, peer: b }]];
        if (b.host === host) return [[a.host, { own: b, peer: a }]];
        return [];
      }),
    );
  }

  /** Devices at which packets may come in from other hosts. */
  get devices(): readonly string[] {
    return [...this.wires.values()].map(({ own }) => own.device);
  }

  /** The wire to the host with that name. */
  wire(to: string): Wire {
    const wire = this.wires.get(to);
    if (!wire) throw new RangeError(`${this.name}: no wire to ${to}; only to ${[...this.wires.keys()].join(', ')}`);
    return wire;
  }

  /** Addresses and neighbours, all static: nothing is ever resolved, and only the test's packets are in transit. */
  protected wiring(): NamespaceSetup {
    const sysctls: Record<string, number> = {
      'ipv4/conf/all/rp_filter': 0,
      // The default rate limit allows only a few ICMP errors per second, so tests would miss some.
      'ipv4/icmp_ratelimit': 0,
      'ipv6/icmp/ratelimit': 0,
    };
    const ip = ['link set lo up'];
    const wires = [...this.wires.values()];
    for (const { own, peer } of wires) {
      sysctls[`ipv4/conf/${own.device}/rp_filter`] = 0;
      // No link-local address, so no duplicate address detection and no router solicitation. A separate line from `up`: on one line the
      // device may come up before its mode is set.
      ip.push(
        `link set ${own.device} addrgenmode none`,
        `link set ${own.device} up`,
        `address add ${own.ipv4}/24 dev ${own.device}`,
        `address add ${own.ipv6}/64 dev ${own.device} nodad`,
        `neighbour add ${peer.ipv4} lladdr ${peer.mac} dev ${own.device} nud permanent`,
        `neighbour add ${peer.ipv6} lladdr ${peer.mac} dev ${own.device} nud permanent`,
      );
    }
    return { sysctls, ip, ip6: [], noOffload: wires.map(({ own }) => own.device) };
  }
}

/** Spreads flows over several next hops by ports, too. */
const BY_PORTS = { 'ipv4/fib_multipath_hash_policy': 1, 'ipv6/fib_multipath_hash_policy': 1 };

const FORWARDING = { 'ipv4/ip_forward': 1, 'ipv6/conf/all/forwarding': 1 };

/** Routes to the VIP over all LBs. */
function routesToVip(host: Host, lbs: readonly string[]): string[] {
  const nextHops = (family: 'ipv4' | 'ipv6'): string => lbs.map((lb) => `nexthop via ${host.wire(lb).peer[family]}`).join(' ');
  return [`route add ${VIP4} ${nextHops('ipv4')}`, `route add ${VIP6} ${nextHops('ipv6')}`];
}

function defaultRoutes({ peer }: Wire): string[] {
  return [`route add default via ${peer.ipv4}`, `route add default via ${peer.ipv6}`];
}

export class Client extends Host {
  setup({ lbs, edge }: Plan): NamespaceSetup {
    const { sysctls, ip, ip6, noOffload } = this.wiring();
    return {
      sysctls: { ...sysctls, ...BY_PORTS },
      ip: [
        ...ip,
        ...(edge === CLIENT ? routesToVip(this, lbs) : defaultRoutes(this.wire(GATE))),
        `route add local ${CLIENT_SOURCES4} dev lo`,
        `route add local ${CLIENT_SOURCES6} dev lo`,
      ],
      ip6,
      noOffload,
    };
  }
}

/** One of the two routers at the ends of the narrow link. */
export class Router extends Host {
  setup({ lbs, narrow }: Plan): NamespaceSetup {
    const { sysctls, ip, ip6, noOffload } = this.wiring();
    const isGate = this.host === GATE;
    const narrowLink = this.wire(isGate ? ROUTER : GATE);
    const client = this.wires.get(CLIENT)?.peer;
    return {
      sysctls: { ...sysctls, ...FORWARDING, ...BY_PORTS },
      ip: [
        ...ip,
        `link set ${narrowLink.own.device} mtu ${narrow}`,
        ...defaultRoutes(narrowLink),
        ...(client ? [`route add ${CLIENT_SOURCES4} via ${client.ipv4}`, `route add ${CLIENT_SOURCES6} via ${client.ipv6}`] : []),
        ...(isGate ? [] : routesToVip(this, lbs)),
      ],
      ip6,
      noOffload,
    };
  }
}

/** The host that the load balancer runs on. */
export class LbHost extends Host {
  /** Starting at 1. */
  readonly number: number;
  /** Routes packets from other LBs to this one: its `--ownfw`. */
  readonly fwmark: number;

  constructor(topology: string, number: number, plan: Plan) {
    super(topology, plan.lbs[number - 1]!, plan);
    this.number = number;
    this.fwmark = lbFwmark(number);
  }

  setup({ targets, lbs, edge }: Plan): NamespaceSetup {
    const { sysctls, ip, ip6, noOffload } = this.wiring();
    const marked = [
      ...targets.map((name, i) => ({ fwmark: targetFwmark(i + 1), to: this.wire(name).peer })),
      ...lbs.flatMap((name, i) => (i + 1 === this.number ? [] : { fwmark: lbFwmark(i + 1), to: this.wire(name).peer })),
    ];
    const ruleFor = ({ fwmark }: { fwmark: number }): string => `rule add fwmark ${fwmark} table ${fwmark}`;
    return {
      sysctls: { ...sysctls, ...FORWARDING },
      ip: [
        ...ip,
        ...defaultRoutes(this.wire(edge)),
        ...marked.map(ruleFor),
        ...marked.map(({ fwmark, to }) => `route add default via ${to.ipv4} table ${fwmark}`),
        // The other end drops the frames, since they are for another address; the packets sent into the device are counted.
        `link add name ${ASTRAY} ${SILENT} type veth peer name ${ASTRAY}-end ${SILENT}`,
        ...[ASTRAY, `${ASTRAY}-end`].flatMap((device) => [`link set ${device} addrgenmode none`, `link set ${device} up`]),
        `route add ${VIP4} dev ${ASTRAY}`,
        `route add ${VIP6} dev ${ASTRAY}`,
      ],
      ip6: [...ip6, ...marked.map(ruleFor), ...marked.map(({ fwmark, to }) => `route add default via ${to.ipv6} table ${fwmark}`)],
      noOffload,
    };
  }

  /** Translates the VIP to the targets' addresses by fwmark; answers come back through the LB. This loads connection tracking. */
  async translate(targets: readonly Target[]): Promise<void> {
    for (const { fwmark, address4, address6 } of targets) {
      await this.iptables(4, `-t nat -A PREROUTING -d ${VIP4} -m mark --mark ${fwmark} -j DNAT --to-destination ${address4}`);
      await this.iptables(6, `-t nat -A PREROUTING -d ${VIP6} -m mark --mark ${fwmark} -j DNAT --to-destination ${address6}`);
    }
  }

  /** Queues packets to the VIP to `2` or `0:3`. */
  async queue(queues: string, packets: QueuedPackets = 'all'): Promise<void> {
    await this.#mangle(toQueues(queues, packets));
  }

  /** Also queues packets to another VIP, as {@link queue}. */
  async serve(family: 4 | 6, vip: string, queues: string, packets: QueuedPackets): Promise<void> {
    await this.ip(`route add ${vip} dev ${ASTRAY}`);
    await this.iptables(family, `-t mangle -A PREROUTING -d ${vip} ${toQueues(queues, packets)}`);
  }

  /** Queues fragments to the VIP, including first ones, to a separate queue; must precede {@link queue}. */
  async queueFragments(queue: number): Promise<void> {
    // RFC 791: the 16 bits at octet 6, without the two flags other than "more fragments".
    await this.iptables(4, `-t mangle -A PREROUTING -d ${VIP4} -m u32 --u32 4&0x3FFF=1:0x3FFF -j NFQUEUE --queue-num ${queue}`);
    await this.iptables(6, `-t mangle -A PREROUTING -d ${VIP6} -m frag -j NFQUEUE --queue-num ${queue}`);
  }

  /** Spreads packets to the VIP over `targets` with the kernel's HMARK, for comparison with the load balancer. */
  async hmark(targets: readonly Target[]): Promise<void> {
    const range = `--hmark-mod ${targets.length} --hmark-offset ${targets[0]!.fwmark}`;
    await this.#mangle(`-j HMARK --hmark-tuple src,dst,sport,dport ${range} --hmark-rnd 0x5eed`);
  }

  /** Routes the VIP to one target, without a load balancer. */
  async forwardTo(target: Target): Promise<void> {
    const { peer } = this.wire(target.host);
    await this.ip(`route replace ${VIP4} via ${peer.ipv4}`);
    await this.ip(`route replace ${VIP6} via ${peer.ipv6}`);
  }

  /** How many packets to the VIP left without a fwmark of a target. */
  async astray(): Promise<number> {
    return (await this.counts(ASTRAY)).sent;
  }

  async #mangle(action: string): Promise<void> {
    await this.iptables(4, `-t mangle -A PREROUTING -d ${VIP4} ${action}`);
    await this.iptables(6, `-t mangle -A PREROUTING -d ${VIP6} ${action}`);
  }
}

/** `unmarked`: only those that no program in the kernel has decided about. */
type QueuedPackets = 'all' | 'unmarked';

/** The end of a rule: `2` is one queue, `0:3` are four. */
function toQueues(queues: string, packets: QueuedPackets): string {
  return `${packets === 'unmarked' ? '-m mark --mark 0 ' : ''}-j NFQUEUE ${queues.includes(':') ? '--queue-balance' : '--queue-num'} ${queues}`;
}

export class Target extends Host {
  /** Starting at 1. */
  readonly number: number;
  readonly fwmark: number;
  /** The destination of packets to the VIP on arrival: the VIP with `dsr`, the target's own address with `nat`. */
  readonly address4: string;
  readonly address6: string;

  constructor(topology: string, number: number, plan: Plan) {
    super(topology, plan.targets[number - 1]!, plan);
    this.number = number;
    this.fwmark = targetFwmark(number);
    const { own } = this.wire(plan.lbs[0]!);
    this.address4 = plan.mode === 'dsr' ? VIP4 : own.ipv4;
    this.address6 = plan.mode === 'dsr' ? VIP6 : own.ipv6;
  }

  setup({ mode, lbs, edge }: Plan): NamespaceSetup {
    const { sysctls, ip, ip6, noOffload } = this.wiring();
    const back = this.wire(mode === 'dsr' ? edge : lbs[0]!);
    // The VIP is on a real interface: usrsctp, for example, does not send from addresses on `lo`.
    const vip = [`address add ${VIP4}/32 dev ${back.own.device}`, `address add ${VIP6}/128 dev ${back.own.device} nodad`];
    return {
      sysctls,
      ip: [...ip, ...(mode === 'dsr' ? vip : []), ...defaultRoutes(back)],
      ip6,
      noOffload,
    };
  }
}

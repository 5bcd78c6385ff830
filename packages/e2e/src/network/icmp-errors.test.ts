// ICMP errors from routers: each must reach the target that owns the connection, whichever router sends it and whatever it quotes.

import { ETH_P_IP, ETH_P_IPV6, extractKey, PacketKey } from '@nfqlb/core';
import { type PacketBuilder, packet } from '@nfqlb/core/testing';
import { site } from '@nfqlb/testing';
import { describe, expect, test } from 'vitest';
import { LoadBalancer, startedIn } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { fwmarks, shown } from '../load-balancer/shown-table.js';
import { type Behaviour, CIRCUMSTANCES, type Circumstances, type Family } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeLive } from '../testing/describe-live.js';
import { GATE, ROUTER } from '../topology/plan.js';
import { Topology } from '../topology/topology.js';
import { type Arrival, Arrivals } from '../traffic/arrivals.js';
import { inject } from '../traffic/injection.js';

const PORTS = Array.from({ length: 50 }, (_, i) => 20_000 + i);
const SERVICE = 80;
const ENCAP_PORT = 9899;
/** MTU of the link between the routers, octets. This much data is too long for it, with headers. */
const NARROW = 1300;
/** Packets/s: the kernel limits some errors to 1000/s. */
const RATE = 400;

/** Appends a transport packet from one port to another to the IP headers. */
type Build = (ip: PacketBuilder, from: number, to: number) => PacketBuilder;

/** RFC 6951: the service uses the well-known UDP port, a client any port. */
const sctpInUdp: Build = (ip, from, to) => {
  const outer = from === SERVICE ? ip.udp(ENCAP_PORT, 30_000) : ip.udp(30_000, ENCAP_PORT);
  return outer.payload(packet().sctp(from, to).payload(NARROW).build());
};

/** What errors are about: the row of the matrix, and the packets they quote. */
const QUOTED: readonly { readonly about: string; readonly row: Behaviour; readonly quoted: readonly Build[] }[] = [
  { about: 'TCP', row: 'pmtu', quoted: [(ip, from, to) => ip.tcp(from, to).payload(NARROW)] },
  { about: 'UDP', row: 'icmp-udp', quoted: [(ip, from, to) => ip.udp(from, to).payload(NARROW)] },
  { about: 'SCTP, and SCTP in UDP', row: 'icmp-sctp', quoted: [(ip, from, to) => ip.sctp(from, to).payload(NARROW), sctpInUdp] },
];

/** The hop limit that triggers an error, and the error's type and code. */
const ERRORS: Readonly<Record<Family, readonly (readonly [hops: number, icmp: readonly [number, number]])[]>> = {
  4: [
    [64, [3, 4]], // fragmentation needed
    [1, [11, 0]], // time exceeded
  ],
  6: [
    [64, [2, 0]], // packet too big
    [1, [3, 0]], // time exceeded
  ],
};

const hex = (packets: readonly Uint8Array[]): string[] => packets.map((bytes) => Buffer.from(bytes).toString('hex'));

/** `protocol ports: targets`, sorted: the targets that got packets or errors of each connection. */
function targetsByConnection(arrivals: readonly Arrival[]): string[] {
  const targets = new Map<string, Set<number>>();
  for (const { protocol, encapsulated, clientPort, servicePort, target } of arrivals) {
    const connection = `${protocol}${encapsulated ? ' in UDP' : ''} ${clientPort}-${servicePort}`;
    targets.set(connection, (targets.get(connection) ?? new Set()).add(target));
  }
  return [...targets].map(([connection, numbers]) => `${connection}: ${[...numbers]}`).sort();
}

/** The fwmark of an ICMP packet from `source` if chosen by its own addresses. */
function fwmarkByAddresses(marks: readonly (number | undefined)[], family: Family, source: string, vip: string): number | undefined {
  const bytes = family === 4 ? packet().ipv4(source, vip).protocol(1).build() : packet().ipv6(source, vip).protocol(58).build();
  const key = new PacketKey();
  extractKey(key, bytes, 0, bytes.length, family === 4 ? ETH_P_IP : ETH_P_IPV6, 0);
  return marks[(key.hashAll() >>> 0) % marks.length];
}

interface Case extends Circumstances {
  readonly quoted: readonly Build[];
}

async function errorsReachOwners({ quoted, ...circumstances }: Case): Promise<void> {
  const { family } = circumstances;
  await using net = await Topology.create({ targets: 4, narrow: NARROW });
  const options = ['--qlength=4096', `--sctp_encap=${ENCAP_PORT}`];
  await using lb = await LoadBalancer.start(net, { ...startedIn(circumstances), options });
  await using watch = await Arrivals.start(net, { encapPort: ENCAP_PORT, silence: 300 });
  const vip = net.vip(family);
  const client = net.client.wire(GATE).own[family === 4 ? 'ipv4' : 'ipv6'];
  const packets = (from: 'client' | 'service', hops = 64): string[] => {
    const [source, destination] = from === 'client' ? [client, vip] : [vip, client];
    const ip = family === 4 ? packet().ipv4(source, destination, { hops, whole: true }) : packet().ipv6(source, destination, { hops });
    return hex(
      quoted.flatMap((build) => PORTS.map((port) => (from === 'client' ? build(ip, port, SERVICE) : build(ip, SERVICE, port)).build())),
    );
  };

  // The client's packets show who owns each connection. Sent from the router, since they are too long for the narrow link.
  const connections = packets('client');
  await inject(net, { packets: connections, from: net.routers[1]!, rate: RATE });
  // One target answers on all connections, so the sender of the answer does not reveal the owner.
  for (const [hops] of ERRORS[family]) {
    await inject(net, { packets: packets('service', hops), from: net.target(1), to: ROUTER, rate: RATE });
  }

  const arrivals = await watch.finish();
  const owners = targetsByConnection(arrivals.filter(({ icmp }) => icmp === undefined));
  expect(owners).toHaveLength(connections.length);
  expect(new Set(owners.map((line) => line.split(': ')[1]))).toEqual(new Set(['1', '2', '3', '4']));
  const errors = arrivals.filter(({ icmp }) => icmp !== undefined);
  for (const [, icmp] of ERRORS[family])
    expect(targetsByConnection(errors.filter((error) => `${error.icmp}` === `${icmp}`))).toEqual(owners);
  expect(errors.every(({ packets }) => packets === 1)).toBe(true);
  expect(errors).toHaveLength(2 * connections.length);

  // By its own addresses every error would have gone to the same target.
  const [source, ...others] = new Set(errors.map((error) => error.source));
  expect(others).toEqual([]);
  const fwmark = fwmarkByAddresses(fwmarks(await shown(lb)), family, source!, vip);
  const elsewhere = errors.filter(({ target }) => net.target(target).fwmark !== fwmark);
  expect(elsewhere.length).toBeGreaterThan(errors.length / 2);
  expect(await net.lb.astray()).toBe(0);
}

describeLive(
  'ICMP errors from a router',
  () => {
    describe.each(CIRCUMSTANCES)('over IPv$family, queues: $queues, fast path: $fast', ({ family, queues, fast }) => {
      describe.each(QUOTED)('about $about', ({ row, quoted }) => {
        behaviour('come to the target that owns the connection, of 50 ports', { behaviour: row, family, queues, fast }, () =>
          errorsReachOwners({ family, queues, fast, quoted }),
        );
      });
    });

    describe.each(['simulated', 'live'] as const)('%s', (world) => {
      test.each([4, 6] as const)('over IPv%i, with flows: reach the target that owns the connection', async (family) => {
        const tables = { web: { targets: { 101: 1, 102: 1, 103: 1, 104: 1 } } };
        const flows = [
          { name: 'sctp', target: 'web', protocols: 'sctp', dports: SERVICE, udpencap: ENCAP_PORT },
          { name: 'others', target: 'web', protocols: ['tcp', 'udp'], dports: SERVICE },
        ];
        await using edge = await site({ tables, flows }, { world });
        const [vip, client, router] = family === 4 ? ['10.0.0.1', '10.2.0.1', '10.2.0.254'] : ['1000::1', 'fd00:2::1', 'fd00:2::254'];
        const ip = (from: string, to: string): PacketBuilder => (family === 4 ? packet().ipv4(from, to) : packet().ipv6(from, to));
        const of = (send: (build: Build, port: number) => PacketBuilder): PacketBuilder[] =>
          QUOTED.flatMap(({ quoted }) => quoted).flatMap((build) => PORTS.map((port) => send(build, port)));

        const connections = await edge.send(of((build, port) => build(ip(client, vip), port, SERVICE)));
        expect(new Set(connections.targets)).toEqual(new Set(['web-1', 'web-2', 'web-3', 'web-4']));
        for (const [, [type, code]] of ERRORS[family]) {
          const error = (quoted: PacketBuilder): PacketBuilder => ip(router, vip).icmpError(type, code, quoted.build());
          const errors = await edge.send(of((build, port) => error(build(ip(vip, client), SERVICE, port))));
          expect(errors.targets).toEqual(connections.targets);
        }
      });
    });
  },
  NFQLB,
);

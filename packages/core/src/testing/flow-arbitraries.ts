import fc from 'fast-check';
import { type PacketBuilder, packet } from '../packet-builder/index.js';
import type { NaiveFlow } from './naive-flows.js';

// Few addresses and ports, close to each other, so that flows overlap and packets match them.
const ADDRESSES4 = ['10.0.0.1', '10.0.0.2', '10.0.1.1', '10.128.0.1', '192.168.0.1'];
const ADDRESSES6 = ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1', '2001:dc8::1', '::ffff:10.0.0.1', '::1'];
const PORTS = [1, 79, 80, 81, 443, 5000, 5001, 8080, 9899, 65535];

const address4 = fc.constantFrom(...ADDRESSES4);
const address6 = fc.constantFrom(...ADDRESSES6);
const port = fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...PORTS) }, fc.nat(65535));
const flowPort = port.map((number) => Math.max(1, number));
const protocol = fc.constantFrom('tcp', 'udp', 'sctp');

const cidr = fc.oneof(
  fc.tuple(address4, fc.constantFrom(0, 1, 8, 9, 16, 23, 24, 30, 31, 32, 32, 32)).map(([address, bits]) => `${address}/${bits}`),
  fc.tuple(address4, fc.constantFrom(90, 95, 96, 104, 120, 128)).map(([address, bits]) => `::ffff:${address}/${bits}`),
  fc.tuple(address6, fc.constantFrom(0, 1, 16, 28, 32, 47, 64, 96, 112, 127, 128, 128, 128)).map(([address, bits]) => `${address}/${bits}`),
);
const range = fc.oneof(
  flowPort.map(String),
  fc.tuple(flowPort, flowPort).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`),
  fc.tuple(flowPort, fc.nat(3)).map(([a, more]) => `${a}-${Math.min(65535, a + more)}`),
);
const HEADER = { tcp: 20, udp: 8, sctp: 12 };
const match = fc
  .record({
    protocol: fc.constantFrom('tcp', 'udp', 'sctp') as fc.Arbitrary<keyof typeof HEADER>,
    // Often the ports.
    offset: fc.oneof(fc.constantFrom(0, 2), fc.nat(19)),
    length: fc.oneof(fc.constant(2), fc.constantFrom(1, 4)),
    mask: fc.option(fc.oneof(fc.constantFrom(1, 0x80, 0xff, 0xfff0), fc.nat(0xffffffff))),
    value: fc.oneof(fc.constantFrom(0, 1, ...PORTS), fc.nat(0xffffffff)),
    blank: fc.constantFrom('', ' '),
  })
  .map(({ protocol, offset, length, mask, value, blank }) => {
    const ones = 2 ** (8 * length) - 1;
    // With a mask, use only its bits of the value, or no packet would match.
    const masked = mask === null ? '' : `${blank}&${blank}0x${Math.max(1, mask % (ones + 1)).toString(16)}`;
    const whole = mask === null ? value % (ones + 1) : Number(BigInt(value) & BigInt(Math.max(1, mask % (ones + 1))));
    return `${protocol}[${Math.min(offset, HEADER[protocol] - length)}${blank}:${blank}${length}]${masked}${blank}=${blank}${whole}`;
  });

const sometimes = <T>(arbitrary: fc.Arbitrary<T>, maxLength: number, often = 1): fc.Arbitrary<T[]> =>
  fc.oneof({ weight: often, arbitrary: fc.constant<T[]>([]) }, { weight: 1, arbitrary: fc.array(arbitrary, { minLength: 1, maxLength }) });

const flow = fc
  .record({
    priority: fc.oneof(fc.nat(4), fc.nat(0xffffffff)),
    protocols: sometimes(protocol, 3),
    dsts: sometimes(cidr, 4),
    srcs: sometimes(cidr, 3, 2),
    dports: sometimes(range, 4),
    sports: sometimes(range, 3, 3),
    match: sometimes(match, 2, 4),
    udpencap: fc.constantFrom(0, 0, 0, 0, 9899, 80),
  })
  .map((fields) => (fields.udpencap === 0 ? fields : { ...fields, protocols: ['sctp'] }));

/** Flows, up to 60. */
export const flowLists: fc.Arbitrary<NaiveFlow[]> = fc
  .oneof(
    { weight: 3, arbitrary: fc.array(flow, { maxLength: 12 }) },
    { weight: 1, arbitrary: fc.array(flow, { minLength: 20, maxLength: 60 }) },
  )
  // Names whose order differs from the order of definition.
  .map((list): NaiveFlow[] => list.map((fields, i) => ({ name: `${(i * 7) % 10}+${i}`, ...fields })));

const ip = fc.oneof(
  fc
    .tuple(address4, address4, fc.constantFrom(0, 0, 4))
    .map(([source, destination, options]) => packet().ipv4(source, destination, { options })),
  fc
    .tuple(address6, address6, fc.constantFrom(0, 0, 8, 16))
    .map(([source, destination, hops]) =>
      hops === 0 ? packet().ipv6(source, destination) : packet().ipv6(source, destination).hopByHop(hops),
    ),
);
const transport = (under: fc.Arbitrary<PacketBuilder>): fc.Arbitrary<PacketBuilder> =>
  fc
    .record({
      under,
      kind: fc.constantFrom('tcp', 'udp', 'sctp', 'sctp in udp', 'echo', 'reply', 'other'),
      sport: port,
      dport: port,
      encap: fc.constantFrom(9899, 80),
    })
    .map(({ under, kind, sport, dport, encap }) => {
      switch (kind) {
        case 'tcp':
          return under.tcp(sport, dport).payload(4);
        case 'udp':
          return under.udp(sport, dport).payload(4);
        case 'sctp':
          return under.sctp(sport, dport);
        case 'sctp in udp':
          return under.udp(encap, encap).payload(packet().ipv4('1.1.1.1', '1.1.1.1').sctp(sport, dport).build().slice(20));
        case 'echo':
          return under.icmpEcho(sport & 1);
        case 'reply':
          return under.icmpEchoReply(sport);
        default:
          return under.protocol(47).payload(20);
      }
    });
const first = ip.map((under) => under.fragment({ id: 7, offset: 0, more: true }));
const quoting = fc
  .tuple(ip, transport(ip), fc.constantFrom(1, 3, 4, 11))
  .map(([outer, quoted, type]) => outer.icmpError(type, 0, quoted.build()));

/** Packets that often match them: whole, truncated, first fragments, ICMP errors. */
export const anyPacket: fc.Arbitrary<Uint8Array> = fc
  .tuple(
    fc.oneof({ weight: 6, arbitrary: transport(ip) }, { weight: 1, arbitrary: transport(first) }, { weight: 1, arbitrary: quoting }),
    fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(20) }),
  )
  .map(([built, cut]) => {
    const octets = built.build();
    return octets.slice(0, octets.length - cut);
  });

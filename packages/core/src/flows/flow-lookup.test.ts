import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { extractKey } from '../key/extract.js';
import { Kind } from '../key/kind.js';
import { PacketKey } from '../key/packet-key.js';
import { packet } from '../packet-builder/index.js';
import { type NaiveFlow, naiveFlow } from '../testing/naive-flows.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { compileFlows } from './compile-flows.js';
import { defineFlow } from './define-flow.js';
import { FlowLookup, NO_FLOW } from './flow-lookup.js';
import { FlowSet } from './flow-set.js';

const key = new PacketKey();

const compiled = (flows: readonly NaiveFlow[], promiscuousPing = false): FlowLookup =>
  new FlowLookup(compileFlows(new FlowSet(flows.map((flow) => defineFlow({ target: `for-${flow.name}`, ...flow }))), { promiscuousPing }));

/** The name of a packet's flow, after a second lookup if the first finds an encapsulation flow. */
function flowOf(lookup: FlowLookup, octets: Uint8Array): string | undefined {
  const etherType = octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
  let flow = lookup.find(key, extractKey(key, octets, 0, octets.length, etherType, 0), octets);
  const encapPort = flow === NO_FLOW ? 0 : lookup.encapPortOf(flow);
  if (encapPort !== 0) {
    flow = lookup.find(key, extractKey(key, octets, 0, octets.length, etherType, encapPort), octets);
    if (flow !== NO_FLOW) expect(lookup.encapPortOf(flow)).toBe(0);
  }
  return flow === NO_FLOW ? undefined : lookup.nameOf(flow);
}

describe('golden vectors', () => {
  interface FlowVectors {
    readonly sets: readonly { readonly flows: readonly NaiveFlow[]; readonly packets: readonly { hex: string; flow: string | null }[] }[];
  }
  const read = (name: string): FlowVectors =>
    JSON.parse(readFileSync(new URL(`../../test-data/${name}.json`, import.meta.url), 'utf8')) as FlowVectors;

  /**
   * C nfqlb accepts values and masks that are wider than their field; here they are refused. Converts them to what they mean in C: such a value never
   * matches, and only the lower bits of such a mask count.
   */
  function narrowed(match: string): string {
    const [, field, length, mask, value] = /^(\w+\[\d+ *: *(\d)\])(?: *& *(\w+))? *= *(\w+)$/.exec(match)!;
    const ones = 2 ** (8 * Number(length)) - 1;
    if (Number(value) <= ones && Number(mask ?? 1) <= ones) return match;
    expect(() => defineFlow({ name: 'wide', target: 'table', match: [match] })).toThrow('must be from');
    if (Number(value) > ones) return `${field} & 0x1 = 2`;
    return `${field} & 0x${(Number(mask) % (ones + 1)).toString(16)} = ${value}`;
  }

  test.each(['flows', 'flows-udpencap'].flatMap((name) => read(name).sets.map((set, i) => [`${name} ${i}`, set] as const)))(
    '%s',
    (_name, { flows, packets }) => {
      const narrow = flows.map((flow) => ({ ...flow, ...(flow.match && { match: flow.match.map(narrowed) }) }));
      const lookup = compiled(narrow);
      for (const { hex, flow } of packets) {
        const octets = Buffer.from(hex, 'hex');
        expect([hex, flowOf(lookup, octets) ?? null]).toEqual([hex, flow]);
        // Other tests compare compiled flows with the naive walk.
        expect([hex, naiveFlow(narrow, octets, octets[0]! >> 4 === 6, false) ?? null]).toEqual([hex, flow]);
      }
    },
  );
});

describe('what C nfqlb gets wrong', () => {
  const udp4 = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).build();
  const udp6 = packet().ipv6('2001:db8::2', '2001:db8::1').udp(4711, 5001).build();

  test('an IPv6 network, even ::/0, matches no IPv4 packet, and an IPv4 network no IPv6 packet', () => {
    const lookup = compiled([{ name: 'six', dsts: ['::/0'] }]);
    expect([flowOf(lookup, udp4), flowOf(lookup, udp6)]).toEqual([undefined, 'six']);
    for (const network of ['0.0.0.0/0', '::ffff:0:0/96', '::ffff:10.0.0.0/104']) {
      const four = compiled([{ name: 'four', srcs: [network] }]);
      expect([flowOf(four, udp4), flowOf(four, udp6)]).toEqual(['four', undefined]);
    }
    const mapped = packet().ipv6('::ffff:10.0.0.2', '::ffff:10.0.0.1').udp(4711, 5001).build();
    expect(flowOf(compiled([{ name: 'four', dsts: ['10.0.0.0/8'] }]), mapped)).toBeUndefined();
    expect(flowOf(lookup, mapped)).toBe('six');
  });

  test('flows of equal priority: the name decides, not the order of definition', () => {
    expect(flowOf(compiled([{ name: 'b' }, { name: 'a' }]), udp4)).toBe('a');
    expect(flowOf(compiled([{ name: 'a' }, { name: 'b' }]), udp4)).toBe('a');
  });

  test('SCTP in UDP matches its SCTP flow, not a UDP flow of lower precedence', () => {
    const lookup = compiled([
      { name: 'sig', protocols: ['sctp'], dports: ['6000'], udpencap: 9899, priority: 2 },
      { name: 'plain', protocols: ['udp'], priority: 1 },
    ]);
    const inUdp = (port: number): Uint8Array =>
      packet()
        .ipv4('10.0.0.2', '10.0.0.1')
        .udp(9899, 9899)
        .payload(packet().ipv4('1.1.1.1', '1.1.1.1').sctp(1, port).build().slice(20))
        .build();
    expect(flowOf(lookup, inUdp(6000))).toBe('sig');
    // Only the second lookup counts.
    expect(flowOf(lookup, inUdp(6001))).toBeUndefined();
    expect(flowOf(lookup, udp4)).toBe('plain');
  });

  test('a TCP ACK without options or data is long enough for a byte match', () => {
    const lookup = compiled([{ name: 'ack', match: ['tcp[13:1] & 0x10 = 0x10'] }]);
    const ack = packet().ipv4('10.0.0.2', '10.0.0.1').tcp(4711, 80);
    expect(flowOf(lookup, ack.build())).toBe('ack');
    expect(flowOf(lookup, ack.cut(39).build())).toBeUndefined();
    expect(flowOf(lookup, packet().ipv4('10.0.0.2', '10.0.0.1', { options: 40 }).tcp(4711, 80).build())).toBe('ack');
    expect(flowOf(lookup, packet().ipv6('::2', '::1').hopByHop(16).tcp(4711, 80).build())).toBe('ack');
  });

  test('promiscuous ping applies to echo requests with any id, but to no other ICMP', () => {
    const flows = [{ name: 'web', protocols: ['tcp'], dports: ['80'], dsts: ['10.0.0.1/32', '2001:db8::1/128'] }];
    for (const [ip, router] of [
      [packet().ipv4('10.0.0.2', '10.0.0.1'), packet().ipv4('10.0.0.9', '10.0.0.1')],
      [packet().ipv6('2001:db8::2', '2001:db8::1'), packet().ipv6('2001:db8::9', '2001:db8::1')],
    ] as const) {
      for (const id of [0, 7]) {
        expect(flowOf(compiled(flows, true), ip.icmpEcho(id).build())).toBe('web');
        expect(flowOf(compiled(flows, false), ip.icmpEcho(id).build())).toBeUndefined();
      }
      expect(flowOf(compiled(flows, true), ip.icmpEchoReply(7).build())).toBeUndefined();
      expect(flowOf(compiled(flows, true), router.icmpError(3, 1, ip.icmpEcho(7).build()).build())).toBeUndefined();
    }
    expect(flowOf(compiled(flows, true), packet().ipv4('10.0.0.2', '10.0.0.3').icmpEcho(7).build())).toBeUndefined();
  });
});

describe('a lookup', () => {
  const tcp = packet().ipv4('10.0.0.2', '10.0.0.1').tcp(4711, 80).build();

  test('without any flows finds none', () => {
    for (const promiscuous of [false, true]) {
      expect(flowOf(compiled([], promiscuous), tcp)).toBeUndefined();
      expect(flowOf(compiled([], promiscuous), packet().ipv4('10.0.0.2', '10.0.0.1').icmpEcho(7).build())).toBeUndefined();
    }
  });

  test('for a later fragment or a malformed packet finds none', () => {
    const lookup = compiled([{ name: 'all' }]);
    const later = packet().ipv4('10.0.0.2', '10.0.0.1').fragment({ id: 1, offset: 8, more: false }).payload(20).build();
    expect(extractKey(key, later, 0, later.length, ETH_P_IP, 0)).toBe(Kind.Fragment);
    expect(flowOf(lookup, later)).toBeUndefined();
    expect(flowOf(lookup, tcp.slice(0, 21))).toBeUndefined();
    expect(flowOf(lookup, tcp)).toBe('all');
  });

  test('for an ICMP error finds the flow of the quoted connection, ignoring byte matches', () => {
    const lookup = compiled([{ name: 'web', protocols: ['tcp'], dports: ['80'], srcs: ['10.0.0.2/32'], match: ['tcp[13:1] & 0x2 = 2'] }]);
    const reply = packet().ipv4('10.0.0.1', '10.0.0.2').tcp(80, 4711).build();
    expect(flowOf(lookup, packet().ipv4('10.0.0.9', '10.0.0.1').icmpError(3, 4, reply).build())).toBe('web');
    expect(flowOf(lookup, tcp)).toBeUndefined();
  });

  test('finds one VIP among ten thousand, wherever the packet is in the region', () => {
    const vip = (i: number): string => `10.1.${i >> 8}.${i & 255}`;
    const lookup = compiled(Array.from({ length: 10_000 }, (_, i) => ({ name: `f${i}`, dsts: [`${vip(i)}/32`], match: ['udp[2:2]=53'] })));
    const octets = packet().ipv4('10.0.0.2', vip(9_999)).udp(1, 53).build();
    const region = Uint8Array.from([...tcp, ...octets, ...tcp]);
    const kind = extractKey(key, region, tcp.length, octets.length, ETH_P_IP, 0);
    expect(lookup.nameOf(lookup.find(key, kind, region))).toBe('f9999');
  });

  test('returns the target of the flow, which several flows may share', () => {
    const flows = [
      { name: 'a', target: 'one', priority: 3 },
      { name: 'b', target: 'zwei é', priority: 2 },
      { name: 'c', target: 'one', priority: 1, protocols: 'sctp', udpencap: 9899 },
    ];
    const lookup = new FlowLookup(compileFlows(new FlowSet(flows.map(defineFlow))));
    expect(lookup.count).toBe(4);
    expect(lookup.targetNames).toEqual(['one', 'zwei é']);
    expect(
      Array.from({ length: 4 }, (_, flow) => [lookup.nameOf(flow), lookup.targetNameOf(lookup.targetOf(flow)), lookup.encapPortOf(flow)]),
    ).toEqual([
      ['a', 'one', 0],
      ['b', 'zwei é', 0],
      ['#c', 'one', 9899],
      ['c', 'one', 0],
    ]);
  });

  test('does not depend on the order of definition: the compiled octets are the same', () => {
    const flows: NaiveFlow[] = Array.from({ length: 50 }, (_, i) => ({ name: `f${i}`, priority: i % 7, dsts: [`10.0.${i % 5}.0/24`] }));
    const octets = (list: readonly NaiveFlow[]): Uint8Array =>
      new Uint8Array(compileFlows(new FlowSet(list.map((flow) => defineFlow({ target: 'table', ...flow })))));
    expect(octets(flows)).toEqual(octets(flows.toReversed()));
  });

  test('refuses memory that is not a compiled flow set', () => {
    expect(() => new FlowLookup(new ArrayBuffer(4096))).toThrow('not a compiled flow set');
    expect(() => new FlowLookup(new ArrayBuffer(0))).toThrow('not a compiled flow set');
  });
});

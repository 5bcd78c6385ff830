// Flow sets of any size, with packets for them: a typical shape, and hostile ones.

import { defineFlow, type Flow } from '@nfqlb/core/flows';
import { packet, randomNumbers } from '@nfqlb/core/testing';

export interface Shape {
  readonly flows: readonly Flow[];
  /** Returns a different packet for these flows on each call. */
  readonly packet: () => Uint8Array;
}

type MakeShape = (count: number) => Shape;

/** Virtual IPs times ports, a tenth with source networks, a tenth with port ranges, and one flow for the rest. */
const usual: MakeShape = (count) => {
  const random = randomNumbers(1);
  const ports = Math.ceil(Math.sqrt(count));
  const flows = Array.from({ length: count - 1 }, (_, i) => {
    const vip = Math.floor(i / ports);
    const port = 1000 + 10 * (i % ports);
    return defineFlow({
      name: `f${i}`,
      target: `t${i % 100}`,
      priority: 1 + (random() % 100),
      protocols: i % 3 === 0 ? 'tcp,udp' : 'tcp',
      dsts: `${vip4(vip)}/32,2001:db8::${vip.toString(16)}/128`,
      ...(i % 10 === 1 && { srcs: '10.0.0.0/9,2001:db9::/32' }),
      dports: i % 10 === 2 ? `${port}-${port + 7}` : `${port}`,
    });
  });
  return {
    flows: [...flows, defineFlow({ name: 'rest', target: 'rest' })],
    packet: () => {
      const i = random() % count;
      const vip = Math.floor(i / ports);
      const port = 1000 + 10 * (i % ports) + (random() % 16 === 0 ? 9 : 0);
      const source = 1024 + (random() % 60000);
      return random() % 2 === 0
        ? packet().ipv4(address4(random()), vip4(vip)).tcp(source, port).build()
        : packet()
            .ipv6(`2001:db9::${(random() & 0xffff).toString(16)}`, `2001:db8::${vip.toString(16)}`)
            .tcp(source, port)
            .build();
    },
  };
};

/** All flows overlap, with nested networks, ports and sources; the wider, the higher the priority. */
const nested: MakeShape = (count) => {
  const random = randomNumbers(2);
  return {
    flows: Array.from({ length: count }, (_, i) =>
      defineFlow({
        name: `f${i}`,
        target: 't',
        priority: count - i,
        protocols: 'tcp',
        dsts: `10.0.0.1/${8 + (i % 25)}`,
        srcs: `10.0.0.1/${8 + ((i >> 2) % 25)}`,
        dports: `${1 + Math.floor((20000 * i) / count)}-${65535 - Math.floor((20000 * i) / count)}`,
        match: `tcp[4:4]=${i}`,
      }),
    ),
    packet: () => tcpWithSequence('10.0.0.1', '10.0.0.1', 1024, 30000, random() % count),
  };
};

/** Like {@link nested}, but the first flow matches every packet. */
const first: MakeShape = (count) => {
  const { flows, packet } = nested(count);
  return { flows: [defineFlow({ name: 'first', target: 't', priority: 0xffffffff }), ...flows.slice(1)], packet };
};

/** Flows that differ only in a byte match. */
const octets: MakeShape = (count) => {
  const random = randomNumbers(3);
  return {
    flows: Array.from({ length: count }, (_, i) => defineFlow({ name: `f${i}`, target: 't', priority: i, match: `tcp[4:4]=${i}` })),
    packet: () => tcpWithSequence('10.0.0.2', '10.0.0.1', 1024, 80, random() % count),
  };
};

/** Random port ranges, networks and priorities: every field helps a little. */
const ranges: MakeShape = (count) => {
  const random = randomNumbers(4);
  const range = (): string => {
    const [a, b] = [1 + (random() % 65535), 1 + (random() % 65535)];
    return `${Math.min(a, b)}-${Math.max(a, b)}`;
  };
  return {
    flows: Array.from({ length: count }, (_, i) =>
      defineFlow({
        name: `f${i}`,
        target: 't',
        priority: random(),
        dsts: `${address4(random())}/${random() % 33}`,
        srcs: `${address4(random())}/${random() % 17}`,
        dports: [range(), range()],
        sports: range(),
      }),
    ),
    packet: () =>
      packet()
        .ipv4(address4(random()), address4(random()))
        .tcp(random() & 0xffff, random() & 0xffff)
        .build(),
  };
};

export const SHAPES = {
  usual,
  'hostile: all nested, wider ones first': nested,
  'hostile: all nested, the first matches all': first,
  'hostile: differ only in byte matches': octets,
  'hostile: random ranges and networks': ranges,
} as const satisfies Record<string, MakeShape>;

function vip4(i: number): string {
  return `192.0.${i >> 8}.${i & 255}`;
}

function address4(number: number): string {
  return [10, (number >> 16) & 255, (number >> 8) & 255, number & 255].join('.');
}

function tcpWithSequence(source: string, destination: string, sport: number, dport: number, sequence: number): Uint8Array {
  const segment = packet().ipv4(source, destination).tcp(sport, dport).build();
  new DataView(segment.buffer).setUint32(24, sequence);
  return segment;
}

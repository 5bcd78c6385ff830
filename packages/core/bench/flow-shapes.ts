// Flow sets of any size, and packets for them: the usual shape, and shapes that are made to be hard.

import { defineFlow, type Flow } from '@nfqlb/core/flows';
import { packet, randomNumbers } from '@nfqlb/core/testing';

export interface Shape {
  readonly flows: readonly Flow[];
  /** One packet of the kind that the shape is for; another one at every call. */
  readonly packet: () => Uint8Array;
}

type MakeShape = (count: number) => Shape;

/** Virtual IPs times ports, a tenth with source networks, a tenth with ranges of ports, and one that takes the rest. */
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

/** All overlap, the wider the higher in priority: networks, ports and sources nested in each other. */
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

/** As {@link nested}, and the first flow matches every packet. */
const first: MakeShape = (count) => {
  const { flows, packet } = nested(count);
  return { flows: [defineFlow({ name: 'first', target: 't', priority: 0xffffffff }), ...flows.slice(1)], packet };
};

/** Told apart by nothing but what stands in the header. */
const octets: MakeShape = (count) => {
  const random = randomNumbers(3);
  return {
    flows: Array.from({ length: count }, (_, i) => defineFlow({ name: `f${i}`, target: 't', priority: i, match: `tcp[4:4]=${i}` })),
    packet: () => tcpWithSequence('10.0.0.2', '10.0.0.1', 1024, 80, random() % count),
  };
};

/** Any ranges of both ports, any networks around a few addresses, any priority: every field helps a little. */
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
  'hostile: all nested, the wider first': nested,
  'hostile: all nested, the first takes all': first,
  'hostile: told apart by octets': octets,
  'hostile: any ranges and networks': ranges,
} as const satisfies Record<string, MakeShape>;

function vip4(i: number): string {
  return `192.0.${i >> 8}.${i & 255}`;
}

function address4(number: number): string {
  return [10, (number >> 16) & 255, (number >> 8) & 255, number & 255].join('.');
}

function tcpWithSequence(source: string, destination: string, sport: number, dport: number, sequence: number): Uint8Array {
  const whole = packet().ipv4(source, destination).tcp(sport, dport).build();
  new DataView(whole.buffer).setUint32(24, sequence);
  return whole;
}

import type { PacketStream } from '@nfqlb/captures';
import type { Record } from '@nfqlb/captures/testing';
import { ListedPackets } from '@nfqlb/captures/testing';
import { END } from '@nfqlb/core';
import { fragments, packet } from '@nfqlb/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DISORDER_WINDOW, type Disorder, DisorderedStream } from './disordered-stream.js';
import { ReversedTrains } from './reversed-trains.js';
import { Shuffle } from './shuffle.js';

interface Seen {
  readonly frame: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly wireLength: number;
  readonly etherType: number;
  readonly hex: string;
}

async function readAll(stream: PacketStream): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (let count = await stream.receive(); count !== END; count = await stream.receive()) {
    const { bytes, offset, length, frame, seconds, nanoseconds, wireLength, etherType } = stream.batch;
    for (let i = 0; i < count; i++) {
      seen.push({
        frame: frame[i]!,
        seconds: seconds[i]!,
        nanoseconds: nanoseconds[i]!,
        wireLength: wireLength[i]!,
        etherType: etherType[i]!,
        hex: Buffer.from(bytes.subarray(offset[i], offset[i]! + length[i]!)).toString('hex'),
      });
    }
    stream.settle(count);
  }
  return seen;
}

const frames = (seen: readonly Seen[]): number[] => seen.map(({ frame }) => frame);

/** Distinct packets of both families and many lengths. */
function packets(count: number): Record[] {
  return Array.from({ length: count }, (_, i) => {
    const begin = i % 3 === 0 ? packet().ipv6('1000::2', '1000::1') : packet().ipv4('10.0.0.2', '10.0.0.1');
    const bytes = begin
      .udp(i % 65536, 80)
      .payload((i * 37) % 90)
      .build();
    return { bytes, original: bytes.length + (i % 5), seconds: Math.floor(i / 10), nanoseconds: (i % 10) * 1e8 };
  });
}

const disorders: [string, () => Disorder][] = [
  ['--shuffle', () => new Shuffle(7)],
  ['--reverse-fragments', () => new ReversedTrains()],
];

describe.each(disorders)('%s', (_name, disorder) => {
  test.each([0, 1, 255, 256, 257, 511, 512, 513, 2000])(
    '%i packets: each appears once, unchanged, and timestamps stay in place',
    async (count) => {
      const records = packets(count);
      const original = await readAll(new ListedPackets(records));
      const seen = await readAll(new DisorderedStream(new ListedPackets(records), disorder()));
      const time = ({ seconds, nanoseconds }: Seen): string => `${seconds}.${nanoseconds}`;
      expect(seen.map(time)).toEqual(original.map(time));
      const packetOf = ({ frame, wireLength, etherType, hex }: Seen): object => ({ frame, wireLength, etherType, hex });
      expect(seen.toSorted((a, b) => a.frame - b.frame).map(packetOf)).toEqual(original.map(packetOf));
    },
  );

  test('the order does not depend on batch sizes', async () => {
    const records = [...packets(700), ...train(9000, 1), ...packets(600)];
    const whole = await readAll(new DisorderedStream(new ListedPackets(records), disorder()));
    for (const options of [{ batches: [1] }, { batches: [0, 1000, 3] }, { batches: [5000] }, { batches: [100, 7], later: true }]) {
      expect(await readAll(new DisorderedStream(new ListedPackets(records, options), disorder()))).toEqual(whole);
    }
  });

  test('a read error is thrown after all packets before it', async () => {
    for (const later of [false, true]) {
      const stream = new DisorderedStream(new ListedPackets(packets(300), { failure: new Error('broken off'), later }), disorder());
      let seen = 0;
      const all = async (): Promise<void> => {
        for (;;) seen += await stream.receive();
      };
      await expect(all()).rejects.toThrow('broken off');
      expect(seen).toBe(300);
    }
  });

  test('packets longer than all earlier ones', async () => {
    const long = packet().ipv4('10.0.0.2', '10.0.0.1').udp(1, 2).payload(60_000).build();
    const records = [...packets(400), { bytes: long }, ...packets(400), { bytes: long.slice(0, 5000) }];
    const seen = await readAll(new DisorderedStream(new ListedPackets(records), disorder()));
    expect(seen.find(({ frame }) => frame === 401)!.hex).toBe(Buffer.from(long).toString('hex'));
    expect(seen.map(({ hex }) => hex).sort()).toEqual(records.map(({ bytes }) => Buffer.from(bytes).toString('hex')).sort());
  });
});

describe('--shuffle', () => {
  const shuffled = async (count: number, seed: number): Promise<number[]> =>
    frames(await readAll(new DisorderedStream(new ListedPackets(packets(count)), new Shuffle(seed))));

  test('the same seed gives the same order, another seed a different one', async () => {
    expect(await shuffled(1000, 1)).toEqual(await shuffled(1000, 1));
    expect(await shuffled(1000, 1)).not.toEqual(await shuffled(1000, 2));
  });

  test('a packet stays within its window, but can land anywhere in it', async () => {
    const order = await shuffled(10 * DISORDER_WINDOW + 17, 3);
    order.forEach((frame, place) => {
      expect(Math.floor((frame - 1) / DISORDER_WINDOW)).toBe(Math.floor(place / DISORDER_WINDOW));
    });
    // Where the first packet of a window lands, over many windows. The chance of exceeding these bounds is 1 in 10⁹.
    const places = (await shuffled(400 * DISORDER_WINDOW, 4)).flatMap((frame, place) =>
      (frame - 1) % DISORDER_WINDOW === 0 ? [place % DISORDER_WINDOW] : [],
    );
    const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
    expect(Math.abs(mean - (DISORDER_WINDOW - 1) / 2)).toBeLessThan(6.2 * (DISORDER_WINDOW / Math.sqrt(12 * places.length)));
  });
});

/** The fragments of a datagram, 1480 octets each. */
function train(length: number, id: number, family: 4 | 6 = 4): Record[] {
  const begin = family === 4 ? packet().ipv4('10.0.0.2', '10.0.0.1') : packet().ipv6('1000::2', '1000::1');
  return fragments(begin.udp(4711, 5001).payload(length).build(), 1500, id).map((bytes) => ({ bytes }));
}

describe('--reverse-fragments', () => {
  const reversed = async (records: readonly Record[]): Promise<number[]> =>
    frames(await readAll(new DisorderedStream(new ListedPackets(records), new ReversedTrains())));

  test('the fragments of a datagram are reversed among their own places, whatever lies between', async () => {
    const [a, b, c] = train(4000, 1) as [Record, Record, Record];
    const [d, e] = train(2000, 2) as [Record, Record];
    const [f, g] = train(2000, 1, 6) as [Record, Record];
    const [x, y] = packets(2) as [Record, Record];
    // Frames:                1  2  3  4  5  6  7  8  9
    expect(await reversed([x, a, d, b, f, e, y, c, g])).toEqual([1, 8, 6, 4, 9, 3, 7, 2, 5]);
  });

  test('the same id with another protocol or source is a different datagram', async () => {
    const fragment = (source: string, proto: number, offset: number): Record => ({
      bytes: packet()
        .ipv4(source, '10.0.0.1')
        .fragment({ id: 7, offset, more: offset === 0 })
        .protocol(proto)
        .payload(64)
        .build(),
    });
    const others = [fragment('10.0.0.2', 50, 0), fragment('10.0.0.2', 51, 64), fragment('10.0.0.3', 50, 64), fragment('10.0.0.2', 50, 64)];
    expect(await reversed(others)).toEqual([4, 2, 3, 1]);
  });

  test('a datagram that just fits into the window is reversed; a longer one part by part', async () => {
    const gap = (count: number): Record[] => packets(count);
    const [a, b] = train(2000, 1) as [Record, Record];
    const order = (between: number): Promise<number[]> => reversed([...gap(100), a, ...gap(between), b, ...gap(300)]);
    const within = await order(DISORDER_WINDOW - 2);
    expect([within[100], within[100 + DISORDER_WINDOW - 1]]).toEqual([101 + DISORDER_WINDOW - 1, 101]);
    const beyond = await order(DISORDER_WINDOW - 1);
    expect(beyond).toEqual(Array.from(beyond, (_, i) => i + 1));
  });

  test('matches a naive implementation for any capture', async () => {
    const item = fc.record({ datagram: fc.integer({ min: 0, max: 5 }), gap: fc.integer({ min: 0, max: 60 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 40 }), async (items) => {
        const parts = new Map<number, number>();
        const records: Record[] = [];
        const datagrams: (number | undefined)[] = [];
        for (const { datagram, gap } of items) {
          const part = parts.get(datagram) ?? 0;
          parts.set(datagram, part + 1);
          const begin = packet()
            .ipv4('10.0.0.2', '10.0.0.1')
            .fragment({ id: datagram, offset: 64 * part, more: true });
          records.push(...packets(gap), { bytes: begin.udp(4711, 5001).payload(56).build() });
          datagrams.push(...Array.from({ length: gap }, () => undefined), datagram);
        }
        expect(await reversed(records)).toEqual(naive(datagrams));
      }),
    );
  });

  /** By place, the frame that ends up there. */
  function naive(datagrams: readonly (number | undefined)[]): number[] {
    const order = datagrams.map((_, i) => i + 1);
    const done = new Set<number>();
    datagrams.forEach((datagram, place) => {
      if (datagram === undefined || done.has(place)) return;
      const places = datagrams.flatMap((other, i) => (other === datagram && i >= place && i < place + DISORDER_WINDOW ? [i] : []));
      places.forEach((to, i) => {
        done.add(to);
        order[to] = places[places.length - 1 - i]! + 1;
      });
    });
    return order;
  }
});

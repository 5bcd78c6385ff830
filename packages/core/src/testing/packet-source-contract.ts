import { DROP } from '../packet-batch.js';
import { packet } from '../packet-builder/index.js';
import type { PacketSource } from '../packet-source.js';
import { END } from '../packet-source.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';

/** A source under test, and its environment. */
export interface SourceUnderTest {
  readonly source: PacketSource;
  /** Makes the packets arrive, in order, before the next `receive`. Does nothing for a source that has its packets from the start. */
  arrive(packets: readonly Uint8Array[]): Promise<void>;
  /** How many packets were accepted with each mark, and how many were dropped ({@link DROP}). Absent if this cannot be observed. */
  verdicts?(marks: readonly number[]): Promise<Map<number, number>>;
  close(): Promise<void>;
}

/** Creates the source for a test. A source that has its packets from the start gets them here. */
export type MakeSource = (packets: readonly Uint8Array[]) => Promise<SourceUnderTest>;

/** Tests for every {@link PacketSource}: a kernel queue, a capture, a fake. For `test.each`. */
export const packetSourceContract: readonly (readonly [name: string, run: (make: MakeSource) => Promise<void>])[] = [
  [
    'returns every packet once, complete, in order of arrival, with its EtherType',
    (make) =>
      using(make, traffic(40), async ({ source }, packets) => {
        const received = await drain(source, () => 0);
        same(
          received.map(({ octets }) => octets),
          packets.map(hex),
        );
        same(
          received.map(({ etherType }) => etherType),
          packets.map((bytes) => (bytes[0]! >> 4 === 4 ? ETH_P_IP : ETH_P_IPV6)),
        );
      }),
  ],
  [
    'returns at most a full batch at a time, and the rest after that',
    (make) =>
      using(make, traffic(700), async ({ source }, packets) => {
        const received = await drain(source, () => 0);
        same(received.length, packets.length);
      }),
  ],
  [
    'does not wait forever if there are no packets',
    (make) =>
      using(make, [], async ({ source }) => {
        const count = await source.receive();
        if (count !== 0 && count !== END) throw new Error(`received ${count} packets that nobody sent`);
      }),
  ],
  [
    'applies every verdict to the right packet',
    (make) =>
      using(make, traffic(60), async ({ source, verdicts }, packets) => {
        const marks = [11, 12, 13, DROP];
        const received = await drain(source, (i) => marks[i % marks.length]!);
        same(received.length, packets.length);
        const expected = new Map(marks.map((mark, i) => [mark, received.filter((_, k) => k % marks.length === i).length]));
        if (verdicts) same([...(await verdicts(marks))].sort(), [...expected].sort());
      }),
  ],
];

interface Received {
  readonly octets: string;
  readonly etherType: number;
}

/** Receives until there are no more packets, and gives the i-th packet the verdict `answer(i)`. */
async function drain(source: PacketSource, answer: (i: number) => number): Promise<Received[]> {
  const all: Received[] = [];
  for (;;) {
    const count = await source.receive();
    if (count === 0 || count === END) return all;
    const { bytes, offset, length, etherType, mark } = source.batch;
    if (count > mark.length) throw new Error(`received ${count} packets into a batch of ${mark.length}`);
    for (let i = 0; i < count; i++) {
      mark[i] = answer(all.length);
      all.push({ octets: hex(bytes.subarray(offset[i], offset[i]! + length[i]!)), etherType: etherType[i]! });
    }
    source.settle(count);
  }
}

async function using(
  make: MakeSource,
  packets: readonly Uint8Array[],
  run: (under: SourceUnderTest, packets: readonly Uint8Array[]) => Promise<void>,
): Promise<void> {
  const under = await make(packets);
  try {
    await under.arrive(packets);
    await run(under, packets);
  } finally {
    await under.close();
  }
}

/** Valid packets of both families, all different. */
function traffic(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const to = i % 3 === 0 ? packet().ipv6('1000::2', '1000::1') : packet().ipv4('10.0.0.2', '10.0.0.1');
    return to
      .udp(1024 + i, 5001)
      .payload(i % 50)
      .build();
  });
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => octet.toString(16).padStart(2, '0')).join('');
}

function same(actual: unknown, expected: unknown): void {
  const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== should) throw new Error(`is ${is}, should be ${should}`);
}

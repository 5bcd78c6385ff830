import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import type { Target } from '../topology/host.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from './echo.js';
import { inject } from './injection.js';
import { ask, Questions } from './questions.js';
import { lost, Receiver } from './receiver.js';
import { Sender } from './sender.js';
import { shortConnections } from './short-connections.js';

const families = [4, 6] as const;

describeLive('a sender', () => {
  test.each(families)('sends IPv%i packets of the given length with valid checksums', async (family) => {
    await using net = await forwarding();
    for (const length of [64, 65, 1499, 1500]) {
      await using receiver = await Receiver.start(net);
      const before = await octets(net.target(1));
      await using sender = await Sender.start(net, { family, length, count: 300, rate: 20_000, sourceAddresses: 300, sourcePorts: 1 });
      await sender.finish();
      // The kernel drops datagrams with a wrong checksum.
      expect(await receiver.finish()).toMatchObject({ received: 300, distinct: 300, flows: 300 });
      // The Ethernet header has 14 octets.
      expect((await octets(net.target(1))) - before).toBe(300 * (14 + length));
    }
  });

  test('keeps the rate', async () => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net);
    await using sender = await Sender.start(net, { rate: 20_000, seconds: 1 });
    const sent = await sender.finish();
    expect(sent.sent).toBeGreaterThan(19_900);
    expect(sent.sent).toBeLessThanOrEqual(20_001);
    const received = await receiver.finish();
    expect(lost(received, sent)).toBe(0);
    expect(received.seconds).toBeCloseTo(1, 1);
  });

  test('sends until stopped, and faster without a rate', async () => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net);
    await using sender = await Sender.start(net);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const sent = await sender.stop();
    expect(sent.sent / sent.seconds).toBeGreaterThan(60_000);
    expect((await receiver.finish()).distinct).toBeGreaterThan(0);
  });
});

describeLive('short connections', () => {
  test.each(families)('over IPv%i are begun at the given rate, and each is answered', async (family) => {
    await using net = await forwarding();
    await using _servers = await EchoServers.start(net);
    const { begun, answered, failed, latency } = await shortConnections(net, { family, seconds: 1, rate: 500 });
    expect(begun).toBeGreaterThan(490);
    expect(begun).toBeLessThanOrEqual(501);
    expect({ answered, failed }).toEqual({ answered: begun, failed: 0 });
    expect(latency.p50).toBeGreaterThan(10);
    expect(latency.longest).toBeGreaterThanOrEqual(latency.p999);
  });

  test('are as many as can be without a rate', async () => {
    await using net = await forwarding();
    await using _servers = await EchoServers.start(net);
    const { begun, answered, failed } = await shortConnections(net, { family: 4, seconds: 0.5, parallel: 8 });
    expect(begun).toBeGreaterThan(1000);
    expect({ answered, failed }).toEqual({ answered: begun, failed: 0 });
  });

  test('that are refused have failed', async () => {
    await using net = await forwarding();
    const { begun, answered, failed } = await shortConnections(net, { family: 4, seconds: 0.2, rate: 100 });
    expect(begun).toBeGreaterThan(10);
    expect({ answered, failed }).toEqual({ answered: 0, failed: begun });
  });
});

describeLive('a receiver', () => {
  test('counts missing, duplicate and reordered packets', async () => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net, { eachFlow: true, flows: 3 });
    const packets = [
      [0, 0],
      [1, 1],
      [1, 1],
      [5, 0],
      [4, 0],
      [4, 1],
      [7, 2],
      [8, 3],
    ].map(([sequence, flow]) => datagram(net.vip4, payload(sequence!, flow!, 0n)));
    await inject(net, { packets: [...packets, datagram(net.vip4, Buffer.from('stray'))] });
    expect(await receiver.finish()).toMatchObject({
      received: 9,
      foreign: 2,
      distinct: 5,
      duplicates: 2,
      reordered: 1,
      gaps: [
        [2, 3],
        [6, 6],
      ],
      flows: 3,
      byTarget: [7, 0],
      byFlow: [
        [3, 0],
        [3, 0],
        [1, 0],
      ],
    });
  });

  test('reports as lost the packets that the kernel dropped', async () => {
    await using net = await forwarding();
    await net.lb.iptables(4, '-t mangle -A FORWARD -m statistic --mode nth --every 10 --packet 0 -j DROP');
    await using receiver = await Receiver.start(net);
    await using sender = await Sender.start(net, { count: 1000, rate: 20_000 });
    const sent = await sender.finish();
    expect(lost(await receiver.finish(), sent)).toBe(100);
  });

  test('adds up two senders, and detects flows that reach two targets', async () => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net);
    await using first = await Sender.start(net, { count: 500, rate: 10_000, sourcePorts: 50 });
    const sent = await first.finish();
    await net.lb.forwardTo(net.target(2));
    // Flows 0-49 again, then 50-99 for the first time.
    await using second = await Sender.start(net, { count: 500, rate: 10_000, sourcePorts: 100, firstSequence: 500, family: 6 });
    const more = await second.finish();
    const received = await receiver.finish();
    expect(received).toMatchObject({ distinct: 1000, byTarget: [500, 500], flows: 100, splitFlows: 50 });
    expect(lost(received, sent, more)).toBe(0);
  });

  test.each([0, 1000])('measures latency (polling every %i µs)', async (period) => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net, { period });
    // All were sent 20 ms ago, except one: 900 ms ago. Node's clock is CLOCK_MONOTONIC too.
    const now = process.hrtime.bigint();
    const ages = [...Array.from({ length: 99 }, () => 20_000_000n), 900_000_000n];
    await inject(net, { packets: ages.map((age, i) => datagram(net.vip4, payload(i, 0, now - age))) });
    const { latency } = await receiver.finish();
    expect(latency.p50).toBeGreaterThanOrEqual(20_000);
    expect(latency.p99).toBeLessThan(latency.p999);
    expect(latency.p999).toBeGreaterThanOrEqual(900_000);
    expect(latency.longest).toBeGreaterThanOrEqual(latency.p999);
  });
});

describeLive('an injection', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nfqlb-e2e-'));
    return () => rm(folder, { recursive: true });
  });

  test.each([
    ['little-endian microseconds, Ethernet', 'LE', 0xa1b2c3d4, 1],
    ['big-endian microseconds, Ethernet', 'BE', 0xa1b2c3d4, 1],
    ['little-endian nanoseconds, raw IP', 'LE', 0xa1b23c4d, 101],
  ] as const)('sends the packets of a capture: %s', async (_, order, magic, linkType) => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net);
    const packets = [1, 2, 3].map((sequence) => Buffer.from(datagram(net.vip4, payload(sequence, 0, 0n)), 'hex'));
    const ethernet = Buffer.from('0a00000000010a00000000020800', 'hex');
    const file = join(folder, 'packets.pcap');
    await writeFile(
      file,
      pcap(
        order,
        magic,
        linkType,
        packets.map((packet) => (linkType === 1 ? Buffer.concat([ethernet, packet]) : packet)),
      ),
    );
    expect(await inject(net, { file })).toEqual({ sent: 3, refused: 0 });
    expect(await receiver.finish()).toMatchObject({ distinct: 3, foreign: 0 });
  });

  test('sends the packets of a hex file, including malformed ones', async () => {
    await using net = await forwarding();
    const file = join(folder, 'packets.hex');
    await writeFile(file, `# nothing\n\n45 00 # cut off\nff\n60\n${datagram(net.vip4, payload(0, 0, 0n))}\n`);
    await using receiver = await Receiver.start(net);
    expect(await inject(net, { file })).toEqual({ sent: 4, refused: 0 });
    expect(await net.lb.counts('client')).toEqual({ received: 4, sent: 0 });
    expect(await receiver.finish()).toMatchObject({ distinct: 1 });
  });

  test('sends whole frames unchanged', async () => {
    await using net = await forwarding();
    await using receiver = await Receiver.start(net);
    const packet = datagram(net.vip4, payload(0, 0, 0n));
    const { own, peer } = net.client.wire('lb1');
    const frame = (to: string): string => `${to}${own.mac}0800`.replaceAll(':', '') + packet;
    expect(await inject(net, { wholeFrames: true, packets: [frame(peer.mac), frame('02:00:00:00:00:99')] })).toEqual({
      sent: 2,
      refused: 0,
    });
    // The second is for another host.
    expect(await receiver.finish()).toMatchObject({ received: 1 });
  });

  test.each([
    ['0g', 'line 1: hex digits'],
    ['45\n4', 'line 2: half an octet'],
  ])('refuses %j', async (text, message) => {
    await using net = await forwarding();
    await expect(inject(net, { packets: [text] })).rejects.toThrow(message);
  });
});

describeLive('questions', () => {
  test.each(['udp', 'tcp'] as const)('over %s are answered by the target they reach', async (protocol) => {
    await using net = await forwarding();
    await using _echo = await EchoServers.start(net);
    await using questions = await Questions.start(net, { protocol, connections: 3, repeat: 0, interval: 5, timeout: 200 });
    await until(async () => (await net.lb.counts('t1')).sent > 30);
    await net.lb.forwardTo(net.target(2));
    // Target 2 does not know a TCP connection to target 1 and resets it at the first packet.
    await until(async () => (await net.lb.counts('t2')).sent >= (protocol === 'tcp' ? 3 : 30));
    const answers = await questions.stop();
    if (protocol === 'tcp') expect(answers).toMatchObject({ broken: 3, moved: 0 });
    else expect(answers).toMatchObject({ broken: 0, moved: 3, byTarget: [expect.any(Number), expect.any(Number)] });
  });

  test('without an answer are reported', async () => {
    await using net = await forwarding();
    for (const protocol of ['udp', 'tcp'] as const) {
      expect(await ask(net, { protocol, connections: 2, timeout: 50 })).toMatchObject({ asked: 2, answered: 0, byTarget: [] });
    }
  });
});

/** Forwards everything to target 1 of 2. */
async function forwarding(): Promise<Topology> {
  const net = await Topology.create({ targets: 2 });
  await net.lb.forwardTo(net.target(1));
  return net;
}

async function octets(target: Target): Promise<number> {
  const [link] = JSON.parse(await target.run(['ip', '-json', '-statistics', 'link', 'show', 'dev', 'lb1']));
  return link.stats64.rx.bytes;
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** struct payload of traffic/payload.h. */
function payload(sequence: number, flow: number, sentNs: bigint): Buffer {
  const octets = Buffer.alloc(16);
  octets.writeUInt32LE(sequence, 0);
  octets.writeUInt32LE(flow, 4);
  octets.writeBigUInt64LE(sentNs, 8);
  return octets;
}

/** UDP over IPv4 to port 5000, in hex. RFC 791, RFC 768; without UDP checksum. */
function datagram(destination: string, content: Buffer): string {
  const octets = Buffer.alloc(28 + content.length);
  octets.set([0x45, 0, 0, octets.length, 0, 0, 0, 0, 64, 17, 0, 0, 10, 2, 0, 1, ...destination.split('.').map(Number)]);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += octets.readUInt16BE(at);
  octets.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 10);
  octets.writeUInt16BE(1024, 20);
  octets.writeUInt16BE(5000, 22);
  octets.writeUInt16BE(8 + content.length, 24);
  octets.set(content, 28);
  return octets.toString('hex');
}

/** https://www.tcpdump.org/manpages/pcap-savefile.5.html */
function pcap(order: 'LE' | 'BE', magic: number, linkType: number, packets: readonly Buffer[]): Buffer {
  const words = (...values: readonly number[]): Buffer => {
    const octets = Buffer.alloc(4 * values.length);
    for (const [i, value] of values.entries()) octets[`writeUInt32${order}`](value, 4 * i);
    return octets;
  };
  const version = order === 'LE' ? 0x0004_0002 : 0x0002_0004;
  return Buffer.concat([
    words(magic, version, 0, 0, 65535, linkType),
    ...packets.flatMap((packet) => [words(0, 0, packet.length, packet.length), packet]),
  ]);
}

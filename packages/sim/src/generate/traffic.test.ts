import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PcapWriter } from '@nfqlb/captures';
import { type NaiveKey, naiveKey } from '@nfqlb/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generateTraffic, type TrafficCounts } from './traffic.js';
import type { TrafficOptions } from './traffic-options.js';

const OPTIONS: TrafficOptions = {
  packets: 5000,
  seed: 1,
  rate: 1000,
  flows: 50,
  length: 6,
  protocols: new Map([
    ['tcp', 4],
    ['udp', 3],
    ['sctp', 2],
    ['icmp', 1],
  ]),
  sizes: new Map([
    ['64', 1],
    ['576', 1],
    ['1500', 1],
  ]),
  vips: 2,
  ipv6: 50,
  fragmented: 50,
  errors: 5,
  multihomed: 50,
  attack: 0,
  attacks: new Map([['syn', 1]]),
};

interface Packet {
  readonly bytes: Uint8Array;
  readonly time: string;
}

function generate(options: Partial<TrafficOptions> = {}): { packets: Packet[]; counts: TrafficCounts } {
  const packets: Packet[] = [];
  const counts = generateTraffic({ ...OPTIONS, ...options }, (bytes, seconds, nanoseconds) => {
    packets.push({ bytes: bytes.slice(), time: `${seconds}.${String(nanoseconds).padStart(9, '0')}` });
  });
  return { packets, counts };
}

const isV6 = (bytes: Uint8Array): boolean => bytes[0]! >> 4 === 6;
const keyOf = ({ bytes }: Packet): NaiveKey => naiveKey(bytes, isV6(bytes), 0);
/** Octet of a 40-octet key in hex. */
const protocolOf = (key: string): number => Number.parseInt(key.slice(68, 70), 16);
/** Flags of a TCP packet without IP options. */
const flagsOf = (bytes: Uint8Array): number => bytes[(isV6(bytes) ? 40 : 20) + 13]!;

test('as many packets as asked for, at the rate; the same seed gives the same traffic', () => {
  for (const packets of [3, 4, 5, 100, 4999]) {
    const made = generate({ packets });
    expect([made.packets.length, made.counts.packets]).toEqual([packets, packets]);
  }
  const { packets } = generate({ packets: 2001 });
  expect([packets[0]!.time, packets[1]!.time, packets[2000]!.time]).toEqual([
    '1700000000.000000000',
    '1700000000.001000000',
    '1700000002.000000000',
  ]);
  expect(generate({ packets: 2001 }).packets).toEqual(packets);
  expect(generate({ packets: 2001, seed: 2 }).packets).not.toEqual(packets);
});

test('TCP connections begin with a SYN and end with a FIN, and have data between', () => {
  const { packets } = generate({ fragmented: 0, errors: 0 });
  const connections = new Map<string, number[]>();
  for (const packet of packets) {
    const { key, kind } = keyOf(packet);
    if (kind === 'normal' && protocolOf(key!) === 6) connections.set(key!, [...(connections.get(key!) ?? []), flagsOf(packet.bytes)]);
  }
  expect(connections.size).toBeGreaterThan(100);
  for (const flags of connections.values()) {
    expect([flags[0], flags.at(-1)]).toEqual([0x02, 0x11]);
    expect(new Set(flags.slice(1, -1))).toEqual(new Set([0x10]));
  }
});

test('fragments make whole datagrams; errors quote a flow that was there; associations have two paths', () => {
  const { packets, counts } = generate();
  const trains = new Map<string, (readonly [number, number, boolean])[]>();
  const flows = new Set<string>();
  const paths = new Map<string, Set<string>>();
  let errors = 0;
  for (const packet of packets) {
    const { kind, key, id, part } = keyOf(packet);
    expect(kind).not.toBe('malformed');
    if (part) trains.set(`${key!.slice(0, 64)}${id}`, [...(trains.get(`${key!.slice(0, 64)}${id}`) ?? []), part]);
    if (kind === 'icmp-inner') {
      errors++;
      // The error of a ping is about an echo request from here, which no target sent: its key has no ports.
      if ([6, 17, 132].includes(protocolOf(key!))) expect(flows).toContain(key!.slice(0, 64) + key!.slice(-12));
    } else flows.add(key!.slice(0, 64) + key!.slice(-12));
    if (kind === 'normal' && protocolOf(key!) === 132) {
      const ports = key!.slice(32, 64) + key!.slice(72);
      paths.set(ports, (paths.get(ports) ?? new Set()).add(key!.slice(0, 32)));
    }
  }
  expect([trains.size, errors]).toEqual([counts.datagrams, counts.errors]);
  expect(counts.datagrams).toBeGreaterThan(100);
  expect(counts.errors).toBeGreaterThan(100);
  for (const parts of trains.values()) {
    let end = 0;
    for (const [begin, to, more] of parts) {
      expect([begin, more]).toEqual([end, parts.at(-1)![1] !== to]);
      end = to;
    }
  }
  expect([...paths.values()].filter(({ size }) => size === 2).length).toBeGreaterThan(10);
});

test('shares are those asked for', () => {
  const { packets, counts } = generate({
    attack: 40,
    attacks: new Map([
      ['syn', 1],
      ['fragments', 3],
    ]),
    fragmented: 0,
    errors: 0,
    ipv6: 25,
  });
  const share = (has: (packet: Packet) => boolean): number => packets.filter(has).length / packets.length;
  expect(counts.attacks / 5000).toBeCloseTo(0.4, 1);
  expect(share((packet) => keyOf(packet).kind === 'fragment')).toBeCloseTo(0.3, 1);
  expect(Math.abs(share(({ bytes }) => isV6(bytes)) - 0.25)).toBeLessThan(0.06);
  const data = packets.filter(({ bytes }) => [64, 576, 1500].includes(bytes.length)).length;
  expect(data).toBeGreaterThan(1000);
});

test('aimed SYNs come from hundreds of addresses and ports, and djb2 cannot tell them apart', () => {
  const { packets } = generate({ attack: 80, attacks: new Map([['aimed', 1]]), vips: 1 });
  // From 100.64.0.0/10 and 2001:db8:3::/48.
  const aimed = packets.map((packet) => keyOf(packet).key!).filter((key) => /^(0{20}ffff64|20010db80003)/.test(key));
  expect(aimed.length).toBeGreaterThan(3500);
  const djb2 = (key: string): number => Buffer.from(key, 'hex').reduce((hash, octet) => (Math.imul(hash, 33) + octet) >>> 0, 5381);
  for (const family of [aimed.filter((key) => key.startsWith('0')), aimed.filter((key) => key.startsWith('2'))]) {
    expect(new Set(family).size).toBeGreaterThan(300);
    expect(new Set(family.map(djb2)).size).toBe(1);
  }
});

describe('tcpdump reads it', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'nfqlb-generate-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('every packet, with correct checksums', () => {
    const { packets } = generate({
      attack: 10,
      attacks: new Map([
        ['syn', 1],
        ['udp', 1],
        ['fragments', 1],
        ['aimed', 1],
      ]),
    });
    const pieces: Uint8Array[] = [];
    const writer = new PcapWriter((bytes) => pieces.push(bytes.slice()));
    for (const { bytes, time } of packets) writer.packet(bytes, Number(time.split('.')[0]), Number(time.split('.')[1]));
    writer.flush();
    const path = join(folder, 'generated.pcap');
    writeFileSync(path, Buffer.concat(pieces));
    const { stdout, stderr, status } = spawnSync('tcpdump', ['-nn', '-tt', '--nano', '-vv', '-r', path], {
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    expect([status, stderr]).toEqual([0, expect.stringContaining('link-type RAW')]);
    expect(stdout.match(/^\d+\.\d{9}/gm)).toEqual(packets.map(({ time }) => time));
    expect(stdout).not.toMatch(/incorrect|bad cksum|wrong/);
    expect(stdout.match(/\(correct\)/g)!.length).toBeGreaterThan(1000);
  });
});

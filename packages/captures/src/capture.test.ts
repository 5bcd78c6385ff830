import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { END } from '@nfqlb/core';
import { packet, packetSourceContract, runs } from '@nfqlb/core/testing';
import fc from 'fast-check';
import pcapParser from 'pcap-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CaptureOptions } from './capture.js';
import { CaptureError } from './capture-error.js';
import { formatTime } from './capture-time.js';
import { openCapture } from './file.js';
import { type PcapngOptions, type PcapOptions, pcap, pcapng, type Record } from './testing/capture-builder.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-captures-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface ReadPacket {
  readonly frame: number;
  readonly time: string;
  readonly hex: string;
  readonly wireLength: number;
}

/** All packets of a capture, and how it ended. */
async function readAll(
  path: string,
  options?: CaptureOptions,
): Promise<{ packets: ReadPacket[]; frames: number; notIp: number; cut: number; error?: CaptureError }> {
  const packets: ReadPacket[] = [];
  const capture = await openCapture(path, options);
  const result = (): { packets: ReadPacket[]; frames: number; notIp: number; cut: number } => {
    const { frames, notIp, cut } = capture;
    return { packets, frames, notIp, cut };
  };
  try {
    for (let count = await capture.receive(); count !== END; count = await capture.receive()) {
      const { bytes, offset, length, frame, seconds, nanoseconds, wireLength } = capture.batch;
      for (let i = 0; i < count; i++) {
        packets.push({
          frame: frame[i]!,
          time: formatTime(seconds[i]!, nanoseconds[i]!),
          hex: Buffer.from(bytes.subarray(offset[i], offset[i]! + length[i]!)).toString('hex'),
          wireLength: wireLength[i]!,
        });
      }
    }
    return result();
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    return { ...result(), error };
  } finally {
    capture.close();
  }
}

let written = 0;
function write(bytes: Uint8Array): string {
  const path = join(folder, `${written++}.pcap`);
  writeFileSync(path, bytes);
  return path;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const UDP4 = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(6).build();
const TCP6 = packet().ipv6('1000::2', '1000::1').tcp(4711, 80).build();
const RECORDS: readonly Record[] = [
  { bytes: UDP4, seconds: 1_700_000_000, nanoseconds: 999_999_000 },
  { bytes: TCP6, seconds: 1_700_000_001, nanoseconds: 1_000 },
  { bytes: UDP4, seconds: 1_700_000_060, nanoseconds: 123_456_000 },
];
const TIMES = ['0.000000000', '0.000002000', '59.123457000'];

describe('a capture as a packet source', () => {
  test.each(packetSourceContract)('%s', (_name, run) =>
    run(async (packets) => {
      const source = await openCapture(write(pcap(packets.map((bytes) => ({ bytes })))), { batch: 100 });
      return { source, arrive: async () => {}, close: async () => source.close() };
    }),
  );
});

describe('formats', () => {
  const pcaps: [string, PcapOptions][] = [
    ['pcap, little-endian', {}],
    ['pcap, big-endian', { bigEndian: true }],
    ['pcap with nanoseconds, little-endian', { nanoseconds: true }],
    ['pcap with nanoseconds, big-endian', { bigEndian: true, nanoseconds: true }],
  ];
  const pcapngs: [string, PcapngOptions][] = [
    ['pcapng, little-endian', {}],
    ['pcapng, big-endian', { bigEndian: true }],
    ['pcapng with nanoseconds', { resolution: 9 }],
    ['pcapng with picoseconds', { resolution: 12 }],
    ['pcapng, obsolete packet blocks', { block: 2, bigEndian: true }],
    ['pcapng with a timestamp offset', { offset: -1000, bigEndian: true }],
    ['pcapng, two interfaces', { linkTypes: [101, 228] }],
  ];
  test.each([
    ...pcaps.map(([name, options]) => [name, pcap(RECORDS, options)] as const),
    ...pcapngs.map(([name, options]) => [name, pcapng(RECORDS, options)] as const),
  ])('%s: all packets, in order, with their times; also from gzip, and with windows of 64 octets', async (_name, bytes) => {
    for (const [path, options] of [[write(bytes)], [write(gzipSync(bytes))], [write(bytes), { window: 64, batch: 2 }]] as const) {
      const { packets, error } = await readAll(path, options);
      expect(error).toBeUndefined();
      expect(packets.map((read) => read.hex)).toEqual(RECORDS.map((record) => hex(record.bytes)));
      expect(packets.map((read) => read.time)).toEqual(TIMES);
      expect(packets.map((read) => read.frame)).toEqual([1, 2, 3]);
    }
  });

  test('pcapng in units of 2⁻²⁰ seconds: accurate to one unit', async () => {
    const { packets } = await readAll(write(pcapng(RECORDS, { resolution: 0x94 })));
    packets.forEach(({ time }, i) => {
      expect(Math.abs(Number(time) - Number(TIMES[i]))).toBeLessThan(2 ** -20);
    });
  });

  test('pcapng, simple packets: no times', async () => {
    const { packets } = await readAll(write(pcapng(RECORDS, { block: 3 })));
    expect(packets.map((read) => read.hex)).toEqual(RECORDS.map((record) => hex(record.bytes)));
    expect(new Set(packets.map(({ time }) => time))).toEqual(new Set(['0.000000000']));
  });

  test('pcapng, several sections of either byte order, each with its own interfaces', async () => {
    const bytes = Buffer.concat([pcapng(RECORDS), pcapng(RECORDS, { bigEndian: true, linkTypes: [228, 229, 101] })]);
    const { packets, error } = await readAll(write(bytes));
    expect(error).toBeUndefined();
    expect(packets).toHaveLength(6);
  });

  test('a clock that goes back gives negative times', async () => {
    const records = [
      { bytes: UDP4, seconds: 10 },
      { bytes: UDP4, seconds: 9, nanoseconds: 999_999_000 },
      { bytes: UDP4, seconds: 8 },
    ];
    expect((await readAll(write(pcap(records)))).packets.map(({ time }) => time)).toEqual(['0.000000000', '-0.000001000', '-2.000000000']);
  });

  test('a capture without packets is not an error', async () => {
    expect(await readAll(write(pcap([])))).toEqual({ packets: [], frames: 0, notIp: 0, cut: 0 });
    expect(await readAll(write(pcapng([])))).toEqual({ packets: [], frames: 0, notIp: 0, cut: 0 });
  });
});

describe('link types', () => {
  const ethernet = '0203040506070809101112130';
  const framed: [string, number, string, Uint8Array][] = [
    ['raw IP', 101, '', UDP4],
    ['raw IPv4', 228, '', UDP4],
    ['raw IPv6', 229, '', TCP6],
    ['Ethernet, IPv4', 1, `${ethernet.slice(0, 24)}0800`, UDP4],
    ['Ethernet, IPv6', 1, `${ethernet.slice(0, 24)}86dd`, TCP6],
    ['Ethernet, 802.1Q tag', 1, `${ethernet.slice(0, 24)}810000050800`, UDP4],
    ['Ethernet, 802.1ad and 802.1Q tags', 1, `${ethernet.slice(0, 24)}88a800058100000786dd`, TCP6],
    ['Ethernet, two old Q-in-Q tags', 1, `${ethernet.slice(0, 24)}91000005910000070800`, UDP4],
    ['PPPoE, IPv4', 1, `${ethernet.slice(0, 24)}88641100123400240021`, UDP4],
    ['PPPoE behind a VLAN tag, IPv6', 1, `${ethernet.slice(0, 24)}81000007886411001234003e0057`, TCP6],
    ['MPLS, one label', 1, `${ethernet.slice(0, 24)}8847000101ff`, UDP4],
    ['MPLS, three labels, multicast, IPv6', 1, `${ethernet.slice(0, 24)}8848000100ff000200ff000301ff`, TCP6],
    ['MPLS in Linux cooked', 113, '00000001000600010203040506008847000101ff', UDP4],
    ['Linux cooked', 113, '00000001000600010203040506000800', UDP4],
    ['Linux cooked v2', 276, '86dd0000000000020001000600010203040506ff', TCP6],
    ['BSD loopback, little-endian', 0, '02000000', UDP4],
    ['BSD loopback, big-endian, IPv6', 0, '0000001e', TCP6],
    ['OpenBSD loopback', 108, '00000018', TCP6],
  ];
  test.each(framed)('%s', async (_name, linkType, header, ip) => {
    const frame = Buffer.concat([Buffer.from(header, 'hex'), ip]);
    for (const bytes of [pcap([{ bytes: frame }], { linkType }), pcapng([{ bytes: frame }], { linkTypes: [linkType] })]) {
      const { packets } = await readAll(write(bytes));
      expect(packets).toMatchObject([{ hex: hex(ip), wireLength: ip.length }]);
    }
  });

  test.each([
    ['ARP', 1, `${ethernet.slice(0, 24)}0806${'00'.repeat(28)}`],
    ['a third VLAN tag', 1, `${ethernet.slice(0, 24)}8100000181000001810000010800${hex(UDP4)}`],
    ['PPPoE discovery', 1, `${ethernet.slice(0, 24)}886311090000000401010000`],
    ['PPPoE with LCP', 1, `${ethernet.slice(0, 24)}886411001234000ac0210901000812345678`],
    ['PPPoE that is cut off', 1, `${ethernet.slice(0, 24)}88641100123400`],
    ['MPLS that carries Ethernet', 1, `${ethernet.slice(0, 24)}8847000101ff00000000${'02'.repeat(20)}`],
    ['MPLS without a last label', 1, `${ethernet.slice(0, 24)}8847000100ff000200ff`],
    ['a frame shorter than its link header', 1, '0203'],
    ['an empty frame', 101, ''],
    ['IP version 5', 101, '55'.repeat(20)],
  ])('%s is counted and skipped', async (_name, linkType, frame) => {
    const header = linkType === 1 ? Buffer.from(`${ethernet.slice(0, 24)}0800`, 'hex') : Buffer.alloc(0);
    const records = [{ bytes: Buffer.from(frame, 'hex') }, { bytes: Buffer.concat([header, UDP4]) }];
    const { packets, frames, notIp } = await readAll(write(pcap(records, { linkType })));
    expect(packets).toMatchObject([{ frame: 2, hex: hex(UDP4) }]);
    expect([frames, notIp]).toEqual([2, 1]);
  });

  test('padding after a packet is stripped, as in the kernel', async () => {
    const padded = (ip: Uint8Array, type: string): Record => ({
      bytes: Buffer.concat([Buffer.from(ethernet.slice(0, 24) + type, 'hex'), ip, Buffer.alloc(12, 0xee)]),
    });
    const { packets } = await readAll(write(pcap([padded(UDP4, '0800'), padded(TCP6, '86dd')], { linkType: 1 })));
    expect(packets.map((read) => read.hex)).toEqual([hex(UDP4), hex(TCP6)]);
  });

  test('a packet with length 0 in its header, as before segmentation by the card, is as long as its frame', async () => {
    const big = UDP4.slice();
    big[2] = big[3] = 0;
    expect((await readAll(write(pcap([{ bytes: big }])))).packets).toMatchObject([{ hex: hex(big), wireLength: big.length }]);
  });

  test('a packet cut by the snap length is returned as captured, and counted', async () => {
    const { packets, cut } = await readAll(write(pcap([{ bytes: UDP4.slice(0, 24), original: UDP4.length }, { bytes: UDP4 }])));
    expect(packets).toMatchObject([{ hex: hex(UDP4.slice(0, 24)), wireLength: UDP4.length }, { hex: hex(UDP4) }]);
    expect(cut).toBe(1);
  });
});

test('tcpdump finds the same packets inside of PPPoE and MPLS', () => {
  const ethernet = '020304050607080910111213';
  const frames = ['88641100123400240021', '810000078864110012340024' + '0021', '8847000101ff', '8847000100ff000200ff000301ff'];
  const records = frames.map((header) => ({ bytes: Buffer.concat([Buffer.from(ethernet + header, 'hex'), UDP4]) }));
  const { stdout } = spawnSync('tcpdump', ['-nn', '-t', '-r', write(pcap(records, { linkType: 1 }))], { encoding: 'utf8' });
  expect(stdout.match(/10\.0\.0\.2\.4711 > 10\.0\.0\.1\.5001: UDP, length 6/g)).toHaveLength(frames.length);
});

describe('pcap-parser as the oracle', () => {
  const data = new URL('../test-data/', import.meta.url);
  const oracle = (path: string): Promise<{ time: [number, number]; data: Buffer; original: number }[]> =>
    new Promise((resolve, reject) => {
      const found: { time: [number, number]; data: Buffer; original: number }[] = [];
      const parser = pcapParser.parse(path);
      parser.on('packet', ({ header, data: octets }) =>
        found.push({ time: [header.timestampSeconds, header.timestampMicroseconds], data: octets, original: header.originalLength }),
      );
      parser.on('end', () => resolve(found));
      parser.on('error', reject);
    });

  async function agree(path: string, skip: number): Promise<number> {
    const expected = await oracle(path);
    const { packets, frames } = await readAll(path);
    expect(frames).toBe(expected.length);
    const [s0, us0] = expected.find((_, i) => i + 1 === packets[0]?.frame)?.time ?? [0, 0];
    for (const { frame, hex: octets, time } of packets) {
      const {
        time: [s, us],
        data: whole,
      } = expected[frame - 1]!;
      expect(hex(whole.subarray(skip))).toContain(octets);
      expect(time).toBe(formatTime(s - s0 - (us < us0 ? 1 : 0), (us - us0 + (us < us0 ? 1e6 : 0)) * 1000));
    }
    return packets.length;
  }

  test.each([
    ['telnet-ipv4.pcap', 14, 20],
    ['udp-ipv4.pcap', 14, 42],
    ['udp-ipv6.pcap', 14, 42],
    ['packets.pcap', 0, 573],
  ])('%s, frame by frame', async (name, skip, packets) => {
    expect(await agree(new URL(name, data).pathname, skip)).toBe(packets);
  });

  test('generated captures of either byte order', async () => {
    const record = fc.record({
      bytes: fc.constantFrom(UDP4, TCP6, UDP4.slice(0, 30)),
      seconds: fc.integer({ min: 0, max: 2 ** 31 }),
      nanoseconds: fc.nat(999_999).map((us) => us * 1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30 }), fc.boolean(), async (records, bigEndian) => {
        expect(await agree(write(pcap(records, { bigEndian })), 0)).toBe(records.length);
      }),
      { numRuns: runs(50) },
    );
  });

  test('the same traffic as pcap and pcapng (converted by editcap) reads the same', async () => {
    const [a, b] = await Promise.all([
      readAll(new URL('../../sim/captures/web-and-dns.pcap', import.meta.url).pathname),
      readAll(new URL('web-and-dns.pcapng', data).pathname),
    ]);
    expect(a.packets).toHaveLength(1557);
    expect(b).toEqual(a);
  });

  test('the same traffic with micro- and nanoseconds (converted by editcap) reads the same', async () => {
    const [a, b] = await Promise.all(['udp-ipv4.pcap', 'udp-ipv4-nanoseconds.pcap'].map((name) => readAll(new URL(name, data).pathname)));
    expect(b).toEqual(a);
  });
});

describe('bad captures', () => {
  const openError = async (path: string): Promise<string> => {
    const error: unknown = await readAll(path).then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).toBeInstanceOf(CaptureError);
    return (error as CaptureError).message.replaceAll(path, 'FILE');
  };

  test.each([
    ['no file', () => join(folder, 'absent'), 'FILE: no such file'],
    ['a directory', () => folder, 'FILE: a directory; expected a capture file, or - for standard input'],
    ['an empty file', () => write(Buffer.alloc(0)), 'FILE: empty; a capture has at least a file header'],
    [
      'a text file',
      () => write(Buffer.from('Hello, world\n')),
      'FILE: not a capture: it begins with 48 65 6c 6c; expected pcap or pcapng, plain or gzip',
    ],
    ['two octets', () => write(Buffer.from('ab')), 'FILE: not a capture: it begins with 61 62; expected pcap or pcapng, plain or gzip'],
    [
      'half a file header',
      () => write(pcap([]).subarray(0, 13)),
      'FILE: cut off at byte 13: the file header needs 24 octets, only 13 are there',
    ],
    [
      'an unknown link type',
      () => write(pcap([], { linkType: 147 })),
      /^FILE: at byte 0: link type 147; supported are 0 \(BSD loopback\), 1 \(Ethernet\)/,
    ],
    ['an empty gzip', () => write(gzipSync('')), 'FILE: empty; a capture has at least a file header'],
    [
      'a broken gzip',
      () => write(Buffer.concat([gzipSync(pcap(RECORDS)).subarray(0, 10), Buffer.alloc(50, 0xff)])),
      /^FILE: damaged gzip stream: /,
    ],
  ])('%s', async (_name, path, message) => {
    expect(await openError(path())).toMatch(message);
  });

  const later: [string, Buffer, string][] = [
    [
      'a record that claims 4 GiB',
      Buffer.concat([pcap(RECORDS), Buffer.from('0000000000000000ffffffffffffffff', 'hex')]),
      'FILE: at byte 200: a record of 4294967295 octets; the maximum is 262144',
    ],
    [
      'a block that claims 4 GiB',
      Buffer.concat([pcapng(RECORDS), Buffer.from('06000000fcffffff00000000', 'hex')]),
      'FILE: at byte 296: a block of 4294967292 octets; must be a multiple of 4 from 12 to 16777216',
    ],
    [
      'a block of 13 octets',
      Buffer.concat([pcapng(RECORDS), Buffer.from('060000000d00000000000000', 'hex')]),
      'FILE: at byte 296: a block of 13 octets; must be a multiple of 4 from 12 to 16777216',
    ],
    [
      'a block whose lengths differ',
      Buffer.concat([pcapng(RECORDS), Buffer.from('bb0000000c0000000d000000', 'hex')]),
      'FILE: at byte 296: a block whose two lengths differ',
    ],
  ];
  test.each(later)('%s: intact packets are returned first', async (_name, bytes, message) => {
    const path = write(bytes);
    const { packets, error } = await readAll(path);
    expect(packets).toHaveLength(3);
    expect(error?.message.replaceAll(path, 'FILE')).toBe(message);
  });

  test('an interface with an unknown link type only fails when it has a packet', async () => {
    const { packets, error } = await readAll(write(pcapng(RECORDS, { linkTypes: [101, 101, 147] })));
    expect(packets).toHaveLength(2);
    expect(error?.code).toBe('link-type');
  });

  test('a packet of an interface that was never described', async () => {
    const bytes = pcapng(RECORDS, { linkTypes: [101, 101] });
    const { packets, error } = await readAll(write(withInterface(bytes, 7)));
    expect(packets).toHaveLength(0);
    expect(error?.message).toContain('a packet of interface 7; the section describes only 2');
  });

  test.each([
    ['pcap', pcap(RECORDS), [24, 74, 150]],
    ['pcapng', pcapng(RECORDS), undefined],
  ] as const)(
    '%s, cut off at every octet of its last two records: complete ones are returned, then the position is reported',
    async (_name, bytes, begins) => {
      const starts = begins ?? blockStarts(bytes);
      const lastTwo = starts.slice(-2);
      for (let length = lastTwo[0]!; length < bytes.length; length++) {
        for (const zip of [false, true]) {
          const path = write(zip ? gzipSync(bytes.subarray(0, length)) : bytes.subarray(0, length));
          const { packets, error } = await readAll(path);
          expect(packets).toHaveLength(length < lastTwo[1]! ? 1 : 2);
          if (lastTwo.includes(length)) expect(error).toBeUndefined();
          else
            expect(error?.message).toContain(
              `cut off at byte ${length}${zip ? ' of the unzipped capture' : ''}: record ${packets.length + 1} needs`,
            );
        }
      }
    },
  );

  test('a gzip stream that is cut off returns what could be unzipped', async () => {
    const many = Array.from({ length: 2000 }, (_, i) => ({ bytes: UDP4, seconds: i, nanoseconds: (i * 7919) % 1e9 }));
    const zipped = gzipSync(pcap(many));
    const { packets, error } = await readAll(write(zipped.subarray(0, zipped.length - 100)));
    expect(packets.length).toBeGreaterThan(1000);
    // 16 octets of header for each packet. The position is where unzipping ended: within the record after the last whole one.
    const whole = 24 + packets.length * (16 + UDP4.length);
    const at = Number(/damaged gzip stream: unexpected end of file at byte (\d+) of the unzipped capture$/.exec(error!.message)?.[1]);
    expect(at).toBeGreaterThanOrEqual(whole);
    expect(at).toBeLessThan(whole + 16 + UDP4.length);
  });

  test('arbitrary octets after a valid beginning give packets or a CaptureError', async () => {
    const beginnings = [pcap(RECORDS), pcap(RECORDS, { bigEndian: true }), pcapng(RECORDS), pcapng(RECORDS, { bigEndian: true })];
    const damage = fc.array(fc.record({ at: fc.nat(300), octet: fc.nat(255) }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...beginnings), damage, fc.uint8Array({ maxLength: 60 }), async (beginning, changes, tail) => {
        const bytes = Buffer.concat([beginning, tail]);
        for (const { at, octet } of changes) if (at >= 4 && at < bytes.length) bytes[at] = octet;
        const path = write(bytes);
        const whole = await readAll(path).catch((error: unknown) => error);
        const inPieces = await readAll(path, { window: 70, batch: 1 }).catch((error: unknown) => error);
        if (whole instanceof Error) expect(whole).toBeInstanceOf(CaptureError);
        expect(inPieces).toEqual(whole);
        rmSync(path);
      }),
      { numRuns: runs(400) },
    );
  });
});

/** Offsets of the packet blocks in a little-endian pcapng. */
function blockStarts(bytes: Buffer): number[] {
  const starts: number[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at + 4)) if (bytes.readUInt32LE(at) === 6) starts.push(at);
  return starts;
}

/** The capture with a different interface in its first enhanced packet block. */
function withInterface(bytes: Buffer, id: number): Buffer {
  const changed = Buffer.from(bytes);
  changed.writeUInt32LE(id, blockStarts(bytes)[0]! + 8);
  return changed;
}

// Any octets as a capture: refused in one line, or packets that lie in what was read; and the same ones, however it is read.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { END, ETH_P_IP, ETH_P_IPV6 } from '@nfqlb/core';
import { type FuzzTarget, isTrue, packet, same } from '@nfqlb/core/testing';
import type { Capture, CaptureOptions } from './capture.js';
import { CaptureError } from './capture-error.js';
import { openCapture } from './file.js';
import { pcap, pcapng } from './testing/capture-builder.js';

const folder = mkdtempSync(join(tmpdir(), 'nfqlb-capture-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const octets = packet().ipv4('10.0.0.2', '10.0.0.1').udp(1, 2).payload(20).build();
const frame = Uint8Array.from([...new Array<number>(12).fill(2), 0x81, 0, 0, 1, 8, 0, ...octets]);
const inner = packet().ipv6('2001:db8::2', '2001:db8::1').tcp(1, 2).build();
const tunnelled = packet().ipv4('10.0.0.2', '10.0.0.1').protocol(41).payload(inner).build();
const records = [{ bytes: octets }, { bytes: tunnelled, original: 99, seconds: 7 }];

/** What a capture contains: packets, and how it ends. */
async function contents(path: string, options: CaptureOptions, input: { note(what: number): void }): Promise<unknown[]> {
  const found: unknown[] = [];
  let capture: Capture | undefined;
  try {
    capture = await openCapture(path, options);
    for (;;) {
      const count = await capture.receive();
      if (count === END) break;
      const { batch } = capture;
      for (let i = 0; i < count; i++) {
        const [at, length, etherType] = [batch.offset[i]!, batch.length[i]!, batch.etherType[i]!];
        isTrue('a packet lies in what was read', at + length <= batch.bytes.length, [at, length]);
        isTrue('IP', etherType === ETH_P_IP || etherType === ETH_P_IPV6, etherType);
        isTrue('no longer than on the wire', length <= batch.wireLength[i]!);
        isTrue('a time', batch.nanoseconds[i]! < 1e9 && Number.isFinite(batch.seconds[i]!));
        const packet = Buffer.from(batch.bytes.subarray(at, at + length)).toString('hex');
        found.push([packet, etherType, batch.frame[i]!, batch.seconds[i]!, batch.nanoseconds[i]!, batch.wireLength[i]!]);
      }
      capture.settle();
    }
    const { frames, notIp, cut } = capture;
    isTrue('counts', frames >= notIp && frames === notIp + found.length, { frames, notIp, found: found.length });
    found.push(['end', frames, notIp, cut]);
  } catch (error) {
    if (!(error instanceof CaptureError)) throw error;
    isTrue('an error of one line', !error.message.includes('\n'), error.message);
    found.push(error.code);
    input.note(error.code.length);
  } finally {
    capture?.close();
  }
  return found;
}

const target: FuzzTarget = {
  seeds: [
    ...[0, 1, 101, 108, 113, 276].flatMap((linkType) => [
      pcap([{ bytes: frame }], { linkType }),
      pcapng([{ bytes: frame, seconds: 3 }], { linkTypes: [linkType] }),
    ]),
    pcap(records, { bigEndian: true, nanoseconds: true }),
    ...([6, 3, 2] as const).map((block) => pcapng(records, { block, bigEndian: block === 3, resolution: 9, offset: 5 })),
  ].map((octets) => Uint8Array.from([0, ...octets])),
  words: [
    '\xa1\xb2\xc3\xd4',
    '\xd4\xc3\xb2\xa1',
    '\x0a\x0d\x0d\x0a',
    '\x4d\x3c\x2b\x1a',
    '\x1a\x2b\x3c\x4d',
    '\x06\0\0\0',
    '\x01\0\0\0',
    '\x1f\x8b',
  ],
  async run(input) {
    const decapsulate = input.flag();
    const octets = input.rest();
    const [plain, zipped] = [join(folder, 'plain'), join(folder, 'zipped')];
    writeFileSync(plain, octets);
    const whole = await contents(plain, { decapsulate }, input);
    same('with one packet at a time', await contents(plain, { decapsulate, batch: 1, window: 32 }, input), whole);
    // What is zipped already is unzipped only once.
    if (octets.length % 8 === 0 && octets.length > 0 && octets[0] !== 0x1f) {
      writeFileSync(zipped, gzipSync(octets, { level: 1 }));
      same('zipped', await contents(zipped, { decapsulate, batch: 3 }, input), whole);
    }
  },
};
export default target;

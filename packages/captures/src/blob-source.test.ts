import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { END } from '@nfqlb/core';
import { expect, test } from 'vitest';
import { openBlobSource } from './blob-source.js';
import { Capture } from './capture.js';
import { formatTime } from './capture-time.js';
import { openCapture } from './file.js';

const pathOf = (name: string): string => fileURLToPath(new URL(`../test-data/${name}`, import.meta.url));

async function packetsOf(capture: Capture): Promise<string[]> {
  const packets: string[] = [];
  for (let count = await capture.receive(); count !== END; count = await capture.receive()) {
    const { bytes, offset, length, seconds, nanoseconds } = capture.batch;
    for (let i = 0; i < count; i++) {
      const octets = Buffer.from(bytes.subarray(offset[i], offset[i]! + length[i]!)).toString('hex');
      packets.push(`${formatTime(seconds[i]!, nanoseconds[i]!)} ${octets}`);
    }
  }
  capture.close();
  return packets;
}

test.each(['udp-ipv4.pcap', 'udp-ipv6.pcap', 'telnet-ipv4.pcap', 'web-and-dns.pcapng'])(
  '%s from a Blob is what it is from a file',
  async (name) => {
    const expected = await packetsOf(await openCapture(pathOf(name)));
    expect(expected.length).toBeGreaterThan(10);
    const octets = readFileSync(pathOf(name));
    for (const each of [octets, gzipSync(octets)]) {
      const capture = await Capture.open(await openBlobSource(new Blob([each]), name));
      const found = await packetsOf(capture);
      // One by one: a difference of all would be a very long message.
      expect(found.length).toBe(expected.length);
      for (const [i, packet] of found.entries()) expect(packet, `packet ${i + 1}`).toBe(expected[i]);
      expect(capture.progress).toBe(1);
    }
  },
);

test('a damaged gzip stream is an error that says so, and how far it could be read', async () => {
  const octets = gzipSync(readFileSync(pathOf('web-and-dns.pcapng')));
  // RFC 1952 §2.3.1: it ends with a checksum and a length.
  octets.fill(0xff, octets.length - 8);
  const read = async (): Promise<string[]> => packetsOf(await Capture.open(await openBlobSource(new Blob([octets]), 'broken.gz')));
  await expect(read()).rejects.toMatchObject({
    code: 'corrupt',
    message: expect.stringMatching(/^broken\.gz: damaged gzip stream: .+ at byte [1-9]\d+ of the unzipped capture$/),
  });
});

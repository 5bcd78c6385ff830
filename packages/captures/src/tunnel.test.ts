import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type PacketBuilder, packet } from '@nfqlb/core/packet-builder';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCapture } from './file.js';
import { pcap } from './testing/capture-builder.js';
import { decapsulate } from './tunnel.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-tunnel-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const INNER = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(6).build();
const INNER6 = packet().ipv6('1000::2', '1000::1').udp(4711, 5001).payload(6).build();
const outer = packet().ipv4('192.0.2.1', '192.0.2.2');
const outer6 = packet().ipv6('2001:db8::1', '2001:db8::2');
const FRAME = '0203040506070809101112130800';
const FRAME6 = '02030405060708091011121386dd';

const carrying = (tunnel: PacketBuilder, header: string, inner: Uint8Array): Uint8Array =>
  tunnel.payload(Buffer.concat([Buffer.from(header, 'hex'), inner])).build();

const TUNNELS: [string, Uint8Array, Uint8Array][] = [
  ['IPv4 in IPv4', carrying(outer.protocol(4), '', INNER), INNER],
  ['IPv6 in IPv4', carrying(outer.protocol(41), '', INNER6), INNER6],
  ['IPv4 in IPv6', carrying(outer6.protocol(4), '', INNER), INNER],
  ['IPv6 in IPv6, after destination options', carrying(outer6.destinationOptions(8).protocol(41), '', INNER6), INNER6],
  ['GRE', carrying(outer.protocol(47), '00000800', INNER), INNER],
  ['GRE with key and sequence, IPv6', carrying(outer.protocol(47), '300086dd0000000700000001', INNER6), INNER6],
  ['GRE with a frame', carrying(outer6.protocol(47), `00006558${FRAME}`, INNER), INNER],
  ['VXLAN', carrying(outer.udp(50_000, 4789), `0800000000000100${FRAME}`, INNER), INNER],
  ['VXLAN with a tagged frame', carrying(outer6.udp(50_000, 4789), `0800000000000100${FRAME6.slice(0, 24)}8100000786dd`, INNER6), INNER6],
  ['Geneve with a frame', carrying(outer.udp(50_000, 6081), `0000655800000100${FRAME}`, INNER), INNER],
  ['Geneve with options', carrying(outer.udp(50_000, 6081), `02000800000001000102000100000000`, INNER), INNER],
  ['GRE in VXLAN', carrying(outer.udp(50_000, 4789), `0800000000000100${FRAME}`, carrying(outer.protocol(47), '00000800', INNER)), INNER],
];

async function packetsOf(bytes: Uint8Array, decapsulates: boolean): Promise<string[]> {
  const path = join(folder, 'capture.pcap');
  writeFileSync(path, pcap([{ bytes }]));
  const capture = await openCapture(path, { decapsulate: decapsulates });
  try {
    const count = await capture.receive();
    const { bytes: window, offset, length } = capture.batch;
    return Array.from({ length: Math.max(count, 0) }, (_, i) =>
      Buffer.from(window.subarray(offset[i], offset[i]! + length[i]!)).toString('hex'),
    );
  } finally {
    capture.close();
  }
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test.each(TUNNELS)('%s', async (_name, bytes, inner) => {
  expect(await packetsOf(bytes, true)).toEqual([hex(inner)]);
  expect(await packetsOf(bytes, false)).toEqual([hex(bytes)]);
});

test('tcpdump finds the same inside', () => {
  const path = join(folder, 'all.pcap');
  for (const [name, bytes, inner] of TUNNELS) {
    writeFileSync(path, pcap([{ bytes }]));
    const { stdout } = spawnSync('tcpdump', ['-nn', '-t', '-r', path], { encoding: 'utf8' });
    const found = inner === INNER ? '10.0.0.2.4711 > 10.0.0.1.5001: UDP, length 6' : '1000::2.4711 > 1000::1.5001: UDP, length 6';
    expect(stdout, name).toContain(found);
  }
});

describe('what carries no IP packet stays', () => {
  test.each([
    ['no tunnel', INNER],
    ['ARP in VXLAN', carrying(outer.udp(50_000, 4789), `0800000000000100${FRAME.slice(0, 24)}0806`, new Uint8Array(28))],
    ['VXLAN without a network', carrying(outer.udp(50_000, 4789), `0000000000000100${FRAME}`, INNER)],
    ['another port', carrying(outer.udp(50_000, 4790), `0800000000000100${FRAME}`, INNER)],
    ['PPTP', carrying(outer.protocol(47), '3001880b0004000700000001', INNER)],
    ['a fragment', carrying(outer.fragment({ id: 1, offset: 0, more: true }).protocol(4), '', INNER)],
    ['half a header inside', carrying(outer.protocol(4), '', INNER.subarray(0, 10))],
  ])('%s', async (_name, bytes) => {
    expect(await packetsOf(bytes, true)).toEqual([hex(bytes)]);
  });
});

test('cut or changed anywhere: nothing is read beyond the end', () => {
  fc.assert(
    fc.property(fc.constantFrom(...TUNNELS.map(([, bytes]) => bytes)), fc.nat(60), fc.nat(255), fc.nat(120), (bytes, at, octet, length) => {
      const changed = bytes.slice(0, length);
      if (at < length) changed[at] = octet;
      const place = { at: 0, etherType: bytes[0]! >> 4 === 6 ? 0x86dd : 0x0800 };
      decapsulate(changed, 0, changed.length, place);
      expect([0x0800, 0x86dd]).toContain(place.etherType);
      expect(place.at === 0 || place.at + 20 <= changed.length).toBe(true);
    }),
  );
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { extractKey } from './extract.js';
import { KIND_NAMES, Kind } from './kind.js';
import { PacketKey } from './packet-key.js';

/** A golden vector: what the right answer is by construction, see test-data/README.md. */
interface PacketVector {
  readonly i: number;
  readonly name: string;
  readonly hex: string;
  readonly ethertype: 'ipv4' | 'ipv6';
  readonly udpencap: number;
  readonly expected: {
    readonly kind: string;
    readonly sport?: number;
    readonly dport?: number;
    readonly proto?: number;
    readonly echoId?: number;
    readonly fragId?: number;
    readonly keyHex?: string;
    readonly addrHash?: number;
  };
}

const vectors: PacketVector[] = ['packets', 'packets-mixed'].flatMap(
  (name) => JSON.parse(readFileSync(new URL(`../../test-data/vectors/${name}.json`, import.meta.url), 'utf8')) as PacketVector[],
);

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('golden vectors', () => {
  test.each(vectors.map((vector) => [`${vector.i} ${vector.name}`, vector] as const))('%s', (_name, { expected, ...vector }) => {
    const packet = Buffer.from(vector.hex, 'hex');
    const key = new PacketKey();
    const kind = extractKey(key, packet, 0, packet.length, vector.ethertype === 'ipv4' ? ETH_P_IP : ETH_P_IPV6, vector.udpencap);
    expect(KIND_NAMES[kind]).toBe(expected.kind);
    if (kind === Kind.Malformed) return;
    expect(hex(key.bytes)).toBe(expected.keyHex);
    expect(key.hashAddresses()).toBe(expected.addrHash);
    if (expected.sport !== undefined) expect([key.sourcePort, key.destinationPort]).toEqual([expected.sport, expected.dport]);
    if (expected.proto !== undefined) expect(key.protocol).toBe(expected.proto);
    if (expected.echoId !== undefined) expect(key.echoId).toBe(expected.echoId);
    if (kind === Kind.FirstFragment) expect(key.fragmentId).toBe(expected.fragId);
    if (kind === Kind.Fragment) expect(Buffer.from(key.bytes).readUInt32LE(32)).toBe(expected.fragId);
  });
});

import { describe, expect, test } from 'vitest';
import { crc32c, internetChecksum } from './checksum.js';
import { packet } from './packet.js';

describe('checksums', () => {
  test('RFC 1071 §3 has the example 0001 f203 f4f5 f6f7, whose sum is ddf2', () => {
    expect(internetChecksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff);
  });

  test('CRC-32C of "123456789" is e3069283 (RFC 3720 B.4 gives 8a9136aa for 32 zeros)', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  });
});

describe('whole packets', () => {
  test.each([
    ['UDP over IPv4', packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(21), 20, 17],
    ['TCP over IPv4', packet().ipv4('10.0.0.2', '10.0.0.1', { options: 8 }).tcp(4711, 80).payload(20), 28, 6],
    ['UDP over IPv6', packet().ipv6('1000::2', '1000::1').udp(4711, 5001).payload(21), 40, 17],
    ['ICMPv6 over IPv6 with hop-by-hop options', packet().ipv6('1000::2', '1000::1').hopByHop(16).icmpEcho(7), 56, 58],
  ])('%s: the checksum over pseudo-header and packet comes out as 0 (RFC 1071 §1)', (_name, builder, transport, protocol) => {
    const bytes = builder.build();
    const v4 = bytes[0]! >> 4 === 4;
    if (v4) expect(internetChecksum(bytes.subarray(0, transport))).toBe(0);
    const length = bytes.length - transport;
    const addresses = v4 ? bytes.subarray(12, 20) : bytes.subarray(8, 40);
    expect(internetChecksum(addresses, Uint8Array.of(0, protocol, length >> 8, length & 0xff), bytes.subarray(transport))).toBe(0);
  });
});

import { packet } from '@nfqlb/core/packet-builder';
import { describe, expect, test } from 'vitest';
import { isEchoReply } from './echo-reply.js';
import { WITHOUT_IP_HEADER } from './raw-packet.js';

const TOKEN = Uint8Array.from({ length: 16 }, (_, i) => 100 + i);
const from4 = packet().ipv4('192.0.2.1', '192.0.2.2');
const from6 = packet().ipv6('2001:db8::1', '2001:db8::2');
const echo = from4.icmpEcho(77).payload(TOKEN).build().subarray(WITHOUT_IP_HEADER);

const isReply = (received: Uint8Array, isV4 = true): boolean => isEchoReply(Buffer.from(received), echo, isV4);
const damaged = (octets: Uint8Array, at: number): Uint8Array => octets.with(at, octets[at]! ^ 1);
const other = Uint8Array.from(TOKEN, (octet) => octet + 1);

describe.each([4, 6] as const)('IPv%i', (family) => {
  const isV4 = family === 4;
  const received = (octets: Uint8Array): Uint8Array => (isV4 ? octets : octets.subarray(40));
  const from = isV4 ? from4 : from6;

  test('the reply to this echo', () => {
    expect(isReply(received(from.icmpEchoReply(77).payload(TOKEN).build()), isV4)).toBe(true);
  });

  test.each<[string, Uint8Array]>([
    ['another identifier', from.icmpEchoReply(78).payload(TOKEN).build()],
    ['another sequence number', from.icmpEchoReply(77, 2).payload(TOKEN).build()],
    ['another token', from.icmpEchoReply(77).payload(other).build()],
    ['less of the token', from.icmpEchoReply(77).payload(TOKEN.subarray(1)).build()],
    [
      'more than the token',
      from
        .icmpEchoReply(77)
        .payload(Uint8Array.of(...TOKEN, 0))
        .build(),
    ],
    ['the echo itself', from.icmpEcho(77).payload(TOKEN).build()],
    ['another code', from.icmp(isV4 ? 0 : 129, 1).build()],
  ])('not %s', (_, octets) => {
    expect(isReply(received(octets), isV4)).toBe(false);
  });
});

test('not with a wrong checksum, which the kernel does not look at', () => {
  expect(isReply(damaged(from4.icmpEchoReply(77).payload(TOKEN).build(), WITHOUT_IP_HEADER + 2))).toBe(false);
});

test('nothing, or an IPv4 header that is too short to be one', () => {
  expect(isReply(new Uint8Array(0))).toBe(false);
  const reply = from4.icmpEchoReply(77).payload(TOKEN).build().slice(WITHOUT_IP_HEADER);
  expect(reply[0]! & 0xf).toBe(0);
  expect(isReply(reply)).toBe(false);
});

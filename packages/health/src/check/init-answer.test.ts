import { packet } from '@nfqlb/core/packet-builder';
import { expect, test } from 'vitest';
import { readInitAnswer } from './init-answer.js';

const SENT = { port: 5000, ownPort: 50_000, tag: 0xdeadbeef };
const ACCEPTED = { kind: 'accepted', peerTag: 0xfeedface };

/** INIT ACK, §3.3.3, with a cookie. */
const ACK = [2, 0, 0, 28, 0xfe, 0xed, 0xfa, 0xce, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 7, 0, 8, 1, 2, 3, 4];
const ABORT = [6, 0, 0, 4];

interface Ports {
  readonly from?: number;
  readonly to?: number;
  readonly tag?: number;
}

function answer(chunk: readonly number[], { from = SENT.port, to = SENT.ownPort, tag = SENT.tag }: Ports = {}, isV4 = true): Buffer {
  const ip = isV4 ? packet().ipv4('192.0.2.1', '192.0.2.2') : packet().ipv6('2001:db8::1', '2001:db8::2');
  const whole = ip.sctp(from, to, { tag }).payload(Uint8Array.from(chunk)).build();
  return Buffer.from(isV4 ? whole : whole.subarray(40));
}

const changed = (at: number, ...octets: number[]): number[] => ACK.toSpliced(at, octets.length, ...octets);

test('an INIT ACK accepts, an ABORT refuses', () => {
  for (const isV4 of [true, false]) {
    expect(readInitAnswer(answer(ACK, {}, isV4), SENT, isV4)).toEqual(ACCEPTED);
    expect(readInitAnswer(answer(ABORT, {}, isV4), SENT, isV4)).toEqual({ kind: 'refused' });
  }
});

test.each<[string, Buffer]>([
  ['from another port', answer(ACK, { from: 5001 })],
  ['to another port', answer(ACK, { to: 50_001 })],
  ['with another tag', answer(ACK, { tag: 1 })],
  ['an ABORT with another tag', answer(ABORT, { tag: 1 })],
  ['another chunk', answer(changed(0, 1))],
  ['an INIT ACK without the tag of the server', answer(changed(4, 0, 0, 0, 0))],
  ['an INIT ACK that is cut', answer(ACK.slice(0, 24))],
  ['an INIT ACK that is too short', answer([2, 0, 0, 8, 0xfe, 0xed, 0xfa, 0xce])],
  ['an INIT ACK whose length is less than it must have', answer(changed(2, 0, 19))],
  ['an ABORT without a length', answer([6, 0, 0, 0])],
  ['no chunk', answer([])],
  ['nothing', Buffer.alloc(0)],
])('no answer: %s', (_, received) => {
  expect(readInitAnswer(received, SENT, true)).toBeUndefined();
});

test('the checksum is right, or not filled in by a sender on the same machine', () => {
  const received = answer(ACK);
  const checksum = 20 + 8;
  received[checksum]! ^= 1;
  expect(readInitAnswer(received, SENT, true)).toBeUndefined();
  received.fill(0, checksum, checksum + 4);
  expect(readInitAnswer(received, SENT, true)).toEqual(ACCEPTED);
});

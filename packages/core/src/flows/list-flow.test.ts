import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defineFlow } from './define-flow.js';
import { encapsulationOf } from './flow.js';
import { listFlow } from './list-flow.js';

test('fields that are not set are absent, and keys are in order', () => {
  const flow = defineFlow({ name: 'any', target: 't' });
  expect(JSON.stringify(listFlow(flow, 0))).toBe('{"name":"any","priority":0,"matches_count":0}');
});

test('all fields that are set are listed as C nfqlb prints them', () => {
  const flow = defineFlow({
    name: 'all',
    target: 'table',
    priority: 7,
    protocols: 'sctp',
    dsts: '10.1.2.3/8,2001:db8::1/32,0.0.0.0/0',
    srcs: '::/0',
    dports: '80,443-444,81',
    sports: '7',
    match: 'sctp[2 : 2] = 80,sctp[4:4] & 0xff = 0x10',
    udpencap: 9899,
  });
  expect(JSON.stringify(listFlow(flow, 12, flow.target))).toBe(
    JSON.stringify({
      name: 'all',
      priority: 7,
      protocols: ['sctp'],
      dests: ['::ffff:10.0.0.0/104', '2001:db8::/32', '::ffff:0.0.0.0/96'],
      dports: ['80-81', '443-444'],
      srcs: ['::/0'],
      sports: ['7'],
      match: ['sctp[2:2]=0x50', 'sctp[4:4]&0xff=0x10'],
      udpencap: 9899,
      matches_count: 12,
      user_ref: 'table',
    }),
  );
  expect(listFlow(encapsulationOf(flow)!, 0)).toMatchObject({ name: '#all', protocols: ['udp'], dports: ['9899'] });
});

test('a listed flow can be defined again', () => {
  const octets = fc.nat(255);
  const cidr = fc.oneof(
    fc.tuple(octets, octets, octets, octets, fc.nat(32)).map(([a, b, c, d, bits]) => `${a}.${b}.${c}.${d}/${bits}`),
    fc.tuple(fc.ipV6(), fc.nat(128)).map(([address, bits]) => `${address}/${bits}`),
  );
  const port = fc.integer({ min: 1, max: 65535 });
  const range = fc.tuple(port, port).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const match = fc
    .tuple(fc.constantFrom('tcp', 'udp', 'sctp'), fc.nat(4), fc.constantFrom(1, 2, 4), fc.integer({ min: 1, max: 255 }), fc.nat(255))
    .map(([protocol, offset, length, mask, value]) => `${protocol}[${offset}:${length}]&0x${mask.toString(16)}=${value}`);
  const definition = fc.record({
    name: fc.constant('web'),
    target: fc.constant('table'),
    priority: fc.nat(0xffffffff),
    protocols: fc.subarray(['tcp', 'udp', 'sctp']),
    dsts: fc.array(cidr, { maxLength: 4 }),
    srcs: fc.array(cidr, { maxLength: 4 }),
    dports: fc.array(range, { maxLength: 4 }),
    sports: fc.array(range, { maxLength: 4 }),
    match: fc.array(match, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(definition, (written) => {
      const flow = defineFlow(written);
      const { dests, ...listed } = listFlow(flow, 0, flow.target);
      expect(defineFlow({ ...listed, dsts: dests, target: listed.user_ref! })).toEqual(flow);
    }),
  );
});

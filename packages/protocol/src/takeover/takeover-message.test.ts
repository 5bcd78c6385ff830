import { expect, test } from 'vitest';
import { faultInRequest, isOffer, type Offer, parseMessage, type Request, refusalIn } from './takeover-message.js';

const QUEUES = { first: 2, last: 3 };
const request: Request = { takeover: 1, version: 'nfqlb-1.2.3', queues: QUEUES, interfaces: [] };
const offer: Offer = { takeover: 1, version: 'nfqlb-1.2.3', pid: 7, descriptors: ['state', 'queue 2', 'queue 3'], state: [] };

test.each([
  ['another format', { takeover: 2 }, /^it speaks format 2 of takeovers, and this one 1: restart it$/],
  ['a format that is no number', { takeover: 'x\n' }, /^it speaks another format of takeovers/],
  ['no version', { version: undefined }, /^its request lacks the version$/],
  ['a version that a terminal would obey', { version: '\u001b[2J' }, /^its request lacks the version$/],
  ['no interfaces', { interfaces: [7] }, /^its request lacks the interfaces$/],
  ['other queues', { queues: { first: 2, last: 2 } }, /^it has --queue=2:3, and the new one --queue=2: give the same, or restart it$/],
  ['queues that are no numbers', { queues: { first: '\n', last: 3 } }, /^it has --queue=2:3, and the new one says none/],
])('a request with %s is refused in one line', (_name, change, fault) => {
  expect(faultInRequest({ ...request }, QUEUES)).toBeUndefined();
  expect(faultInRequest({ ...request, ...change }, QUEUES)).toMatch(fault);
});

test.each<[string, object]>([
  ['a queue missing', { descriptors: ['state', 'queue 2', 'queue 4'] }],
  ['two descriptors of one name', { descriptors: ['state', 'queue 2', 'queue 3', 'queue 3'] }],
  ['a descriptor without a name', { descriptors: ['state', 'queue 2', 'queue 3', 7] }],
  ['a version that a terminal would obey', { version: 'a\nb' }],
  ['a part of negative length', { state: [{ name: 'a', layout: '', octets: -1 }] }],
  // JSON: 1e900.
  ['a watchdog that never barks', { service: { address: '/run/notify', period: Number.POSITIVE_INFINITY } }],
  ['a watchdog that is no number', { service: { address: '/run/notify', period: 'soon' } }],
])('an offer with %s is none', (_name, change) => {
  const changed = { ...offer, ...change };
  expect(isOffer({ ...offer }, QUEUES, offer.descriptors.length)).toBe(true);
  expect(isOffer(changed, QUEUES, changed.descriptors.length)).toBe(false);
});

test('what is no message says so', () => {
  for (const line of ['', '[]', 'null', '7', '{']) expect(() => parseMessage(line)).toThrow('what it says is no message of a takeover');
});

test.each<[string, string | undefined]>([
  ['{"refused":"not now"}', 'not now'],
  ['{"refused":"a\\n\\u001b[2J"}', 'a\\x0a\\x1b[2J'],
  // Cannot be made a string.
  ['{"refused":{"toString":1}}', 'it refuses, and does not say why'],
  ['{"refused":null}', 'it refuses, and does not say why'],
  ['{"word":"yours"}', undefined],
])('%s is a refusal in one line, or none', (line, refusal) => {
  expect(refusalIn(parseMessage(line))).toBe(refusal);
});

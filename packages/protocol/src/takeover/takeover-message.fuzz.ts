// Any line as a message of a takeover, which may come from a program of any version: refused in one line, or all that it must say is there.

import { changedJson, type FuzzTarget, isTrue, type JsonValue, same } from '@nfqlb/core/testing';
import {
  faultInRequest,
  formatMessage,
  isOffer,
  type Offer,
  parseMessage,
  type Request,
  refusalIn,
  TakeoverError,
} from './takeover-message.js';

const OWN = { first: 2, last: 3 };
const REQUEST = JSON.stringify({ takeover: 1, version: 'nfqlb-1.2.3', queues: OWN, interfaces: ['eth0'] } satisfies Request);
const OFFER = JSON.stringify({
  ...{ takeover: 1, version: 'nfqlb-1.2.3', pid: 77, descriptors: ['state', 'queue 2', 'queue 3', 'tun nfqlb0', 'listen unix:nfqlb-flow'] },
  state: [
    { name: 'fragments', layout: '1: {}', octets: 4096 },
    { name: 'counts', layout: '1: 20 reasons', octets: 0 },
  ],
  ...{ flowAddress: 'unix:nfqlb-flow', service: { address: '/run/systemd/notify', period: 30_000 }, drained: false },
} satisfies Offer);

/** What a person reads. */
const isLine = (text: unknown): boolean => typeof text === 'string' && text.length < 300 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);

const target: FuzzTarget = {
  seeds: [
    ...[`\0\0${REQUEST}`, `\0\0${OFFER}`, '\0\0{"word":"ready"}', '\0\0{"refused":"no"}', '\0\0{"refused":{"toString":1}}'],
    // A request's and an offer's version, and a queue, that a terminal would obey.
    ...['\0\x01\x01\x01\x01\x02\x07', '\0\x02\x01\x01\x01\x02\x07', '\0\x01\x01\x01\x02\x02\x01\0\x02\x07'],
  ],
  words: [
    '"takeover":1',
    '"version":',
    '"queues":{"first":',
    '"interfaces":[',
    '"descriptors":[',
    '"state":[',
    '"octets":',
    'null',
    '-1',
    '1e999',
    '[]',
    '{}',
  ],
  run(input) {
    const passed = input.pick([5, 3, 0, 6]);
    // A changed message, or any text.
    const kind = input.below(3);
    let line: string;
    if (kind === 0) line = input.text();
    else {
      let message = JSON.parse(kind === 1 ? REQUEST : OFFER) as JsonValue;
      for (const edits = input.list(4, () => 0); edits.length > 0; edits.pop()) message = changedJson(input, message);
      line = JSON.stringify(message);
    }
    let message: Readonly<Record<string, unknown>>;
    try {
      message = parseMessage(line);
    } catch (error) {
      if (!(error instanceof TakeoverError)) throw error;
      isTrue('a refusal of one line', isLine(error.message), error.message);
      return;
    }
    const refusal = refusalIn(message);
    if (refusal !== undefined) isTrue('a refusal of one line', !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(refusal), refusal);
    const fault = faultInRequest(message, OWN);
    if (fault !== undefined) isTrue('a fault of one line', isLine(fault), fault);
    else {
      const request = message as unknown as Request;
      isTrue('a version that can be shown', isLine(request.version), request.version);
      isTrue(
        'names of interfaces',
        request.interfaces.every((name) => typeof name === 'string'),
      );
      same('its queues', [request.queues.first, request.queues.last], [OWN.first, OWN.last]);
      same('granted again', faultInRequest(parseMessage(formatMessage(request)), OWN), undefined);
    }
    if (!isOffer(message, OWN, passed)) return;
    const offer = message as unknown as Offer;
    input.note(offer.descriptors.length);
    isTrue('no request', fault !== undefined || 'queues' in message);
    isTrue('a version that can be shown', isLine(offer.version), offer.version);
    same('a name for each descriptor', offer.descriptors.length, passed);
    isTrue(
      'names',
      offer.descriptors.every((name) => typeof name === 'string'),
      offer.descriptors,
    );
    for (const name of ['state', 'queue 2', 'queue 3']) isTrue(name, offer.descriptors.includes(name));
    isTrue(
      'parts that lie one after the other',
      offer.state.every(({ octets }) => Number.isSafeInteger(octets) && octets >= 0),
    );
    const { period = 1, address = '' } = offer.service ?? {};
    isTrue('a service', typeof address === 'string' && Number.isFinite(period) && period > 0, offer.service);
    same('an offer again', isOffer(parseMessage(formatMessage(offer)), OWN, passed), true);
  },
};
export default target;

// Any line as a request or an event of a trace: understood as what it says, or not at all.

import { type FuzzTarget, isTrue, same } from '@nfqlb/core/testing';
import { describeFailure, UsageError } from '@nfqlb/options';
import { areaNames, formatMask, selection, traceMask } from './areas.js';
import { formatGreeting, parseAnswer, parseEvent, parseRequest, parseTraceRefusal, takesRequests } from './trace-message.js';

const target: FuzzTarget = {
  seeds: [
    '{"areas":66,"octets":true}',
    '{"areas":66}',
    '{"area":2,"areas":2,"text":"x","packet":{"time":1,"wireLength":60,"octets":"RQ==","comment":"c"}}',
    'log,packet',
    '0x42',
    'FAIL: not permitted',
  ],
  words: [
    '{"areas":',
    '"octets":',
    'true',
    'null',
    '"text":',
    '"packet":',
    '{"time":',
    '"wireLength":',
    '"comment":',
    '1e999',
    '-1',
    '"__proto__":',
  ],
  run(input) {
    const line = input.text();
    const request = parseRequest(line);
    if (request !== undefined) {
      isTrue('a request', Number.isInteger(request.areas) && typeof request.octets === 'boolean', request);
      same('the same again', parseRequest(JSON.stringify(request)), request);
      isTrue('a mask that can be shown', /^0x[0-9a-f]{8}$/.test(formatMask(request.areas)), request.areas);
    }
    const event = parseEvent(line);
    if (event !== undefined) {
      isTrue('an event', Number.isInteger(event.areas) && typeof event.text === 'string', event);
      same('the same again', parseEvent(JSON.stringify(event)), event);
      isTrue('packets have octets', event.packet === undefined || typeof event.packet.octets === 'string');
    }
    const answer = parseAnswer(line);
    isTrue('an answer is no event', answer === undefined || (Number.isInteger(answer) && event === undefined));
    parseTraceRefusal(line);
    takesRequests(line);
    for (const parse of [selection, traceMask]) {
      try {
        const mask = parse(line);
        isTrue('a mask', Number.isInteger(mask) && mask >= 0 && mask <= 0xffffffff, mask);
        takesRequests(formatGreeting(mask));
        isTrue('names of areas', areaNames(mask).length < 100);
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        isTrue('an error of one line', !describeFailure(error).includes('\n'), error.message);
      }
    }
  },
};
export default target;

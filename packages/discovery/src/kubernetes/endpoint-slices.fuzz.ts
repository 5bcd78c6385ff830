// Any EndpointSlices, as a server could send them: targets that can be declared, each once; and what is wrong in lines that a terminal does not obey.

import { changedJson, type FuzzTarget, isTrue, type JsonValue, same } from '@nfqlb/core/testing';
import { targetAddress } from '@nfqlb/options';
import { answerOf, type EndpointSlice, useOf } from './endpoint-slices.js';

const endpoint = (pod: string, address: string, conditions: JsonValue = { ready: true }): JsonValue => ({
  ...{ addresses: [address], conditions, targetRef: { kind: 'Pod', namespace: 'default', name: pod } },
});
const SLICES = JSON.stringify([
  {
    ...{ metadata: { name: 'web-1', resourceVersion: '7' }, addressType: 'IPv4' },
    endpoints: [endpoint('a', '10.0.0.1'), endpoint('b', '10.0.0.2', { ready: false, serving: true, terminating: true })],
  },
  {
    ...{ metadata: { name: 'web-2' }, addressType: 'IPv6' },
    endpoints: [endpoint('a', '2001:db8::1'), { addresses: ['2001:db8::3', '2001:db8::4'] }],
  },
]);
const USES = { active: false, drain: true } as const;

const isLine = (text: string): boolean => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);

const target: FuzzTarget = {
  // A pod's name, and a type of addresses, that a terminal would obey.
  seeds: ['\x01\x01\0\x02\x01\x02\x02\x01\0\x02\x01\x02\x02\x01\x02\x02\x07', '\x01\x01\0\x02\x01\x01\x02\x07'],
  run(input) {
    let value = JSON.parse(SLICES) as JsonValue;
    for (const edits = input.list(5, () => 0); edits.length > 0; edits.pop()) value = changedJson(input, value);
    // The list itself is checked before.
    const items = Array.isArray(value) ? value : [value];
    const slices = items.filter((item) => typeof item === 'object' && item !== null) as EndpointSlice[];
    const { entries, problems } = answerOf(slices);
    input.note(entries.length * 8 + problems.length);
    for (const problem of problems) isTrue('a problem of one line', isLine(problem) && problem.length < 1000, problem);
    same('each once', new Set(entries.map(({ name }) => name)).size, entries.length);
    const used = slices.flatMap(({ endpoints }) => (Array.isArray(endpoints) ? endpoints : [])).map((each) => useOf(each));
    for (const { name, addresses, weight, drain } of entries) {
      isTrue('a name that can be shown', isLine(name), name);
      isTrue('one or two addresses', addresses.length === 1 || addresses.length === 2, addresses);
      for (const address of addresses) targetAddress(address);
      same('weight', weight, 1);
      isTrue(
        'an endpoint of that use',
        used.some((use) => use !== 'none' && (USES[use] === drain || !drain)),
        [name, drain],
      );
    }
    // In whichever order they come.
    const names = (answer: typeof entries): unknown => answer.map((entry) => JSON.stringify({ ...entry, name: '' })).sort();
    same('in another order', names(answerOf(slices.toReversed()).entries), names(entries));
  },
};
export default target;

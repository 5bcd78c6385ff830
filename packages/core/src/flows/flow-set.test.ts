import { expect, test } from 'vitest';
import { defineFlow, type FlowDefinition } from './define-flow.js';
import { FlowSet } from './flow-set.js';

const flow = (name: string, priority = 0, rest: Partial<FlowDefinition> = {}) => defineFlow({ name, target: 'table', priority, ...rest });
const names = (set: FlowSet): string[] => set.inOrder().map(({ name }) => name);

test('the order is by priority, highest first, then by name, whatever the order of definition', () => {
  const flows = [
    flow('b', 1),
    flow('a', 1),
    flow('Z', 1),
    flow('a+', 1),
    flow('a-', 1),
    flow('a0', 1),
    flow('low'),
    flow('top', 4294967295),
  ];
  for (const list of [flows, flows.toReversed()]) {
    expect(names(new FlowSet(list))).toEqual(['top', 'Z', 'a', 'a+', 'a-', 'a0', 'b', 'low']);
  }
});

test('a flow replaces the one of the same name', () => {
  const set = new FlowSet([flow('a', 1), flow('b', 2)]);
  const before = set.get('a');
  expect(set.define(flow('a', 3, { dports: '80' }))).toBe(before);
  expect(set.size).toBe(2);
  expect(names(set)).toEqual(['a', 'b']);
  expect(set.get('a')!.dports).toEqual([{ first: 80, last: 80 }]);
});

test('deletes a flow, and reports if there was none', () => {
  const set = new FlowSet([flow('a'), flow('b')]);
  expect(set.delete('a')?.name).toBe('a');
  expect(set.delete('a')).toBeUndefined();
  expect(names(set)).toEqual(['b']);
});

test('the encapsulation flow of a flow is added and removed with it', () => {
  const sig = { protocols: 'sctp', udpencap: 9899, dsts: '10.0.0.0/8', srcs: '::/0', dports: '1', sports: '2', match: 'sctp[0:1]=1' };
  const set = new FlowSet([flow('sig', 5, sig), flow('other', 5)]);
  expect(names(set)).toEqual(['#sig', 'other', 'sig']);
  const { dsts, srcs } = set.get('sig')!;
  expect(set.inOrder()[0]).toEqual({
    name: '#sig',
    target: 'table',
    priority: 5,
    protocols: ['udp'],
    dsts,
    srcs,
    dports: [{ first: 9899, last: 9899 }],
    sports: [],
    match: [],
    udpencap: 9899,
  });
  expect(set.size).toBe(2);
  expect(set.get('#sig')).toBeUndefined();
  set.define(flow('sig', 5));
  expect(names(set)).toEqual(['other', 'sig']);
  set.define(flow('sig', 5, sig));
  set.delete('sig');
  expect(names(set)).toEqual(['other']);
});

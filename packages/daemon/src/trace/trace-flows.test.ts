import { FlowLookup } from '@nfqlb/core/flows';
import type { Action, Field } from '@nfqlb/protocol/flow';
import { beforeEach, expect, test } from 'vitest';
import { type TraceFlowGeneration, TraceFlows } from './trace-flows.js';

let announced: TraceFlowGeneration[];
let flows: TraceFlows;
beforeEach(() => {
  announced = [];
  flows = new TraceFlows((generation) => announced.push(generation));
});

const say = (action: Action, fields: Partial<Record<Field, string>> = {}): string => flows.handle({ action, fields }).toString();

test('are set, listed and deleted; each change creates a generation', () => {
  expect(say('trace-set', { name: 'b', protocols: 'tcp', dports: '80', match: 'tcp[12:2] & 0x0004 = 4' })).toBe('OK\0');
  expect(say('trace-set', { name: 'a', srcs: '10.0.0.0/8', priority: '0' })).toBe('OK\0');
  expect(say('trace-list-names')).toBe('["a","b"]');
  expect(announced.map(({ number }) => number)).toEqual([1, 2]);
  expect(new FlowLookup(announced[1]!.flows).count).toBe(2);
  // No user_ref: a trace flow has no target.
  expect(JSON.parse(say('trace-list', { name: 'a' }))).toEqual({ name: 'a', priority: 0, srcs: ['::ffff:10.0.0.0/104'], matches_count: 0 });
  expect(JSON.parse(say('trace-list'))).toHaveLength(2);
  expect(say('trace-delete', { name: 'b' })).toBe('OK\0');
  expect(say('trace-delete', { name: 'none' })).toBe('OK\0');
  expect(announced).toHaveLength(3);
  expect(say('trace-list-names')).toBe('["a"]');
});

test('count the packets traced for them, including those of older generations; start at 0 when deleted and defined again', () => {
  say('trace-set', { name: 'b' });
  expect(flows.count(1, 0)).toBe('b');
  say('trace-set', { name: 'a' });
  expect([flows.count(1, 0), flows.count(2, 0), flows.count(2, 1)]).toEqual(['b', 'a', 'b']);
  const counts = (): unknown =>
    (JSON.parse(say('trace-list')) as { name: string; matches_count: number }[]).map(({ name, matches_count }) => [name, matches_count]);
  expect(counts()).toEqual([
    ['a', 1],
    ['b', 3],
  ]);
  say('trace-delete', { name: 'b' });
  expect(flows.count(2, 1)).toBe('b');
  say('trace-set', { name: 'b' });
  expect(counts()).toEqual([
    ['a', 1],
    ['b', 0],
  ]);
  expect([flows.count(99, 0), flows.count(4, 9)]).toEqual([undefined, undefined]);
});

test.each<[string, Action, Partial<Record<Field, string>>, string]>([
  ['no name', 'trace-set', {}, 'name: must be given'],
  ['no name to delete', 'trace-delete', {}, 'name: must be given'],
  ['a bad port', 'trace-set', { name: 'a', dports: '0' }, 'dports "0": must be'],
  [
    'a port of encapsulation',
    'trace-set',
    { name: 'a', protocols: 'sctp', udpencap: '9899' },
    'udpencap: SCTP in UDP is traced by its ports',
  ],
  ['an unknown name', 'trace-list', { name: 'x' }, 'name "x": no such trace flow'],
])('%s is refused, and changes nothing', (_name, action, fields, why) => {
  expect(() => flows.handle({ action, fields })).toThrow(why);
  expect(announced).toEqual([]);
});

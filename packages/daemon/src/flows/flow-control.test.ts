import { setTimeout as sleep } from 'node:timers/promises';
import { CoreError } from '@nfqlb/core';
import { parseCidr } from '@nfqlb/core/address';
import { FlowLookup } from '@nfqlb/core/flows';
import type { Decision } from '@nfqlb/fast-path';
import { SharedMemory } from '@nfqlb/native';
import type { Action, Field } from '@nfqlb/protocol/flow';
import { replaceTable } from '@nfqlb/protocol/tables';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Compiling, FlowCompiler } from './flow-compiler.js';
import { FlowControl } from './flow-control.js';
import { type FlowGeneration, flowCountsOf } from './flow-generations.js';
import type { KernelFlows } from './flow-publisher.js';

const TABLE = `nfqlb-test-flow-control-${process.pid}`;
const WORKERS = 2;

/** Generations announced to the workers, oldest first. */
let announced: FlowGeneration[];
let control: FlowControl;

beforeEach(() => {
  replaceTable(TABLE, { M: 97, N: 4 });
  announced = [];
  control = new FlowControl({ workers: WORKERS, promiscuousPing: false, announce: adopt });
});
afterEach(() => SharedMemory.unlink(TABLE));

const say = async (action: Action, fields: Partial<Record<Field, string>> = {}): Promise<string> =>
  (await control.handle({ action, fields })).toString().replace('\0', '');
const set = (name: string, more: Partial<Record<Field, string>> = {}): Promise<string> => say('set', { name, target: TABLE, ...more });
const counts = async (): Promise<Record<string, number>> =>
  Object.fromEntries(
    (JSON.parse(await say('list')) as { name: string; matches_count: number }[]).map(({ name, matches_count }) => [name, matches_count]),
  );

/** Counts packets of a flow as this worker, in this generation. */
function count(generation: FlowGeneration, worker: number, flow: string, packets: number): void {
  const lookup = new FlowLookup(generation.flows);
  for (let i = 0; i < lookup.count; i++) if (lookup.nameOf(i) === flow) flowCountsOf(generation, worker).matches[i]! += packets;
}

/** Announces a generation to workers that adopt it at once. */
function adopt(generation: FlowGeneration): void {
  announced.push(generation);
  // Called in the constructor too, before the board exists: nobody waits then.
  for (let worker = 0; worker < WORKERS; worker++) control?.board.confirm(worker, generation.number);
}

const newest = (): FlowGeneration => announced.at(-1)!;
const confirm = (worker: number): void => control.board.confirm(worker, newest().number);

test('a command is answered only when all workers use its flows', async () => {
  let answered = false;
  control = new FlowControl({ workers: WORKERS, promiscuousPing: false, announce: (generation) => announced.push(generation) });
  const before = announced.length;
  const command = set('a').then(() => (answered = true));
  await expect.poll(() => announced.length).toBe(before + 1);
  confirm(0);
  // The missing worker is checked many times meanwhile.
  for (let i = 0; i < 20; i++) await sleep(1);
  expect(answered).toBe(false);
  confirm(1);
  await command;
});

test('when a worker does not use new flows in time, the answer says so: they are in force, and listed', async () => {
  const options = { workers: WORKERS, promiscuousPing: false, adoptTimeout: 1 };
  control = new FlowControl({ ...options, announce: (generation) => announced.push(generation) });
  await expect(set('a')).rejects.toThrow(/^accepted, but not used by all workers after 0.001 s/);
  expect(await say('list-names')).toBe('["a"]');
  // The next command waits only for its own generation.
  control.board.confirm(0, newest().number + 1);
  control.board.confirm(1, newest().number + 1);
  expect(await set('b')).toBe('OK');
});

test('every command is published in a generation before it is answered', async () => {
  expect(new FlowLookup(newest().flows).count).toBe(0);
  expect(await set('b', { priority: '1' })).toBe('OK');
  expect(await set('a')).toBe('OK');
  expect(control.board.newest).toBe(newest().number);
  const lookup = new FlowLookup(newest().flows);
  expect([lookup.nameOf(0), lookup.nameOf(1)]).toEqual(['b', 'a']);
  expect(await say('list-names')).toBe('["b","a"]');
  expect(await say('delete', { name: 'b' })).toBe('OK');
  expect(new FlowLookup(newest().flows).count).toBe(1);
});

test('simultaneous commands are published together', async () => {
  const before = announced.length;
  await Promise.all(Array.from({ length: 50 }, (_, i) => set(`f${i}`)));
  expect(announced.length - before).toBeLessThan(5);
  expect(new FlowLookup(newest().flows).count).toBe(50);
});

test('thousands of flows that are defined at once are published in a few generations', async () => {
  const before = announced.length;
  const define = (i: number): Promise<string> =>
    set(`f${i}`, { dsts: `10.${i >> 8}.${i & 255}.1/32`, protocols: 'tcp', dports: String(1 + i) });
  expect(new Set(await Promise.all(Array.from({ length: 3000 }, (_, i) => define(i))))).toEqual(new Set(['OK']));
  expect(announced.length - before).toBeLessThan(10);
  expect(new FlowLookup(newest().flows).count).toBe(3000);
});

test('matches are counted exactly: by several workers, across redefinitions, while some workers still use older flows', async () => {
  const options = { workers: WORKERS, promiscuousPing: false, adoptTimeout: 0 };
  control = new FlowControl({ ...options, announce: (generation) => announced.push(generation) });
  // Not answered with OK: no worker adopts it by itself here.
  const set = (name: string, more: Partial<Record<Field, string>> = {}): Promise<unknown> =>
    say('set', { name, target: TABLE, ...more }).catch((error: Error) => expect(error.message).toMatch(/^accepted/));
  await set('a');
  for (let worker = 0; worker < WORKERS; worker++) confirm(worker);
  count(newest(), 0, 'a', 10);
  count(newest(), 1, 'a', 1);
  expect(await counts()).toEqual({ a: 11 });
  const old = newest();
  await set('b', { priority: '9' });
  confirm(0);
  count(newest(), 0, 'a', 100);
  // The other worker is in the middle of a batch.
  count(old, 1, 'a', 1000);
  expect(await counts()).toEqual({ a: 1111, b: 0 });
  confirm(1);
  count(newest(), 1, 'a', 10_000);
  expect(await counts()).toEqual({ a: 11_111, b: 0 });
  await set('a', { dports: '80', protocols: 'tcp' });
  for (let worker = 0; worker < WORKERS; worker++) confirm(worker);
  expect(await counts()).toEqual({ a: 11_111, b: 0 });
});

test('a flow that is deleted and defined again counts from 0', async () => {
  await set('a');
  for (let worker = 0; worker < WORKERS; worker++) confirm(worker);
  count(newest(), 0, 'a', 5);
  await say('delete', { name: 'a' });
  for (let worker = 0; worker < WORKERS; worker++) confirm(worker);
  await set('a');
  expect(await counts()).toEqual({ a: 0 });
});

test('a refused command changes nothing', async () => {
  await set('a');
  const before = announced.length;
  await expect(set('a', { target: `${TABLE}-none` })).rejects.toThrow('no such table');
  await expect(set('a', { dports: '5-3' })).rejects.toThrow('dports "5-3"');
  await expect(say('set', { name: 'x' })).rejects.toThrow('target: must be given');
  await expect(say('set', { target: TABLE })).rejects.toThrow('name: must be given');
  await expect(say('delete')).rejects.toThrow('name: must be given');
  await expect(say('list', { name: 'none' })).rejects.toThrow('name "none": no such flow');
  expect(await say('delete', { name: 'none' })).toBe('OK');
  expect(announced).toHaveLength(before);
  expect(JSON.parse(await say('list', { name: 'a' }))).toEqual({ name: 'a', priority: 0, matches_count: 0, user_ref: TABLE });
});

test('many flows are changed atomically: all or none', async () => {
  await set('old');
  await set('kept', { priority: '1' });
  const generations = announced.length;
  const change = (changes: unknown): Promise<string> => say('change', { changes: JSON.stringify(changes) });
  const define = [
    { name: 'kept', target: TABLE, priority: 9 },
    { name: 'new', target: TABLE, dports: '80' },
  ];
  await expect(change({ define: [...define, { name: 'bad', target: TABLE, dports: '0' }], delete: ['old'] })).rejects.toThrow('dports "0"');
  await expect(change({ define: [...define, { name: 'bad', target: 'nfqlb-test-none' }], delete: ['old'] })).rejects.toThrow(
    'nfqlb-test-none',
  );
  for (const bad of [undefined, null, 3, {}, { define: {}, delete: [] }, { define: [3], delete: [] }, { define: [], delete: [3] }]) {
    await expect(change(bad)).rejects.toThrow('changes: must be JSON');
  }
  // A number as a name would be another flow than the same digits as text, which no command could delete.
  for (const [bad, why] of [
    [{ name: 5, target: TABLE }, 'name must be text'],
    [{ name: ['a'], target: TABLE }, 'name must be text'],
    [{ name: 'a', target: 5 }, 'target must be text'],
    [{ name: 'a', target: TABLE, priority: null }, 'priority must be a number'],
    [{ name: 'a', target: TABLE, dsts: 5 }, 'dsts must be text, or a list'],
    [{ name: 'a', target: TABLE, match: [null] }, 'match must be text, or a list'],
  ] as const) {
    await expect(change({ define: [...define, bad], delete: [] })).rejects.toThrow(`changes: flow 3: ${why}`);
  }
  expect(announced.length).toBe(generations);
  expect(await say('list-names')).toBe('["kept","old"]');
  expect(await change({ define, delete: ['old', 'none'] })).toBe('OK');
  expect(announced.length).toBe(generations + 1);
  expect(await say('list-names')).toBe('["kept","new"]');
});

test('a flow deleted during compilation counts from 0 when it is defined again', async () => {
  const compiler = new FlowCompiler();
  let finish: (() => void) | undefined;
  const slow: Compiling = {
    compile: (request) => new Promise((resolve) => (finish = () => resolve(compiler.compile(request)))),
  };
  control = new FlowControl({ workers: WORKERS, promiscuousPing: false, compiler: slow, announce: adopt });
  const compiling = async (): Promise<() => void> => {
    await expect.poll(() => finish).toBeDefined();
    const now = finish!;
    finish = undefined;
    return now;
  };
  const compiled = async (command: Promise<string>): Promise<void> => {
    (await compiling())();
    expect(await command).toBe('OK');
  };
  await compiled(set('a'));
  const adding = set('b');
  const addNow = await compiling();
  const deleting = say('delete', { name: 'a' });
  addNow();
  await adding;
  // This generation still has flow a.
  count(newest(), 0, 'a', 5);
  await compiled(deleting);
  await compiled(set('a'));
  expect(await counts()).toEqual({ a: 0, b: 0 });
});

describe('flows that cannot be compiled', () => {
  test.each([
    ['memory', () => new CoreError('out-of-memory', 'no memory')],
    ['the thread', () => new Error('the thread exited')],
  ])('because of %s are refused, and change nothing: not listed, not in force, not in the next generation', async (_what, failure) => {
    const compiler = new FlowCompiler();
    let fails = false;
    const failing: Compiling = {
      compile: (request) => {
        if (fails) throw failure();
        return compiler.compile(request);
      },
    };
    control = new FlowControl({ workers: WORKERS, promiscuousPing: false, compiler: failing, announce: adopt });
    await set('kept');
    const before = newest();
    const list = await say('list');
    fails = true;
    await expect(set('a')).rejects.toThrow(failure().message);
    await expect(set('kept', { dports: '80', protocols: 'tcp' })).rejects.toThrow(failure().message);
    await expect(say('delete', { name: 'kept' })).rejects.toThrow(failure().message);
    await expect(say('change', { changes: JSON.stringify({ define: [{ name: 'c', target: TABLE }], delete: ['kept'] }) })).rejects.toThrow(
      failure().message,
    );
    expect(newest()).toBe(before);
    expect(await say('list')).toBe(list);
    expect([...control.tables]).toEqual([TABLE]);
    fails = false;
    expect(await set('b')).toBe('OK');
    expect(await say('list-names')).toBe('["b","kept"]');
    const lookup = new FlowLookup(newest().flows);
    expect(Array.from({ length: lookup.count }, (_, flow) => lookup.nameOf(flow))).toEqual(['b', 'kept']);
  });

  test('are refused together with flows of the same batch, but not with later ones', async () => {
    const compiler = new FlowCompiler();
    const failing: Compiling = {
      compile: (request) => {
        if ([...request.changes.keys()].includes('bad')) throw new CoreError('out-of-memory', 'no memory');
        return compiler.compile(request);
      },
    };
    control = new FlowControl({ workers: WORKERS, promiscuousPing: false, compiler: failing, announce: adopt });
    const answers = await Promise.allSettled([set('bad'), set('with')]);
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await set('after')).toBe('OK');
    expect(await say('list-names')).toBe('["after"]');
  });
});

test('memory of generations that no worker uses any more is reused', async () => {
  control = new FlowControl({ workers: WORKERS, promiscuousPing: false, announce: adopt });
  const memories = new Set<SharedArrayBuffer>();
  for (let i = 0; i < 30; i++) {
    await set('a', { priority: String(i) });
    memories.add(newest().flows).add(newest().counts);
  }
  expect(memories.size).toBeLessThan(10);
  expect(new FlowLookup(newest().flows).nameOf(0)).toBe('a');
});

test('starts with the flows passed to the constructor', async () => {
  const flows = [{ name: 'a', target: TABLE }];
  const started = new FlowControl({ workers: WORKERS, promiscuousPing: false, flows, announce: () => {} });
  expect(new FlowLookup(started.newest.flows).count).toBe(1);
  const none = [{ name: 'a', target: 'nfqlb-test-none' }];
  expect(() => new FlowControl({ workers: WORKERS, promiscuousPing: false, flows: none, announce: () => {} })).toThrow('nfqlb-test-none');
});

describe('with a fast path', () => {
  const vip = parseCidr('10.0.0.1/32')!;
  const kernel = (more: Partial<KernelFlows>): KernelFlows => ({
    ...{ vips: [vip], counts: () => new Map(), unfit: () => undefined, forget: () => {}, take: async () => {} },
    ...more,
  });
  const start = (more: Partial<KernelFlows>): void => {
    control = new FlowControl({ workers: WORKERS, promiscuousPing: false, announce: adopt, kernel: kernel(more) });
  };

  test('a command is answered only when the kernel decides by its flows, too', async () => {
    const taken: string[][] = [];
    let decide = (): void => {};
    const take = async ({ names }: Decision): Promise<void> => {
      taken.push([...names]);
      await new Promise<void>((resolve) => {
        decide = resolve;
      });
    };
    start({ take });
    expect(control.firstDecision?.names).toEqual([]);
    let answered = false;
    const command = set('a', { protocols: 'udp' }).then(() => (answered = true));
    await expect.poll(() => taken).toEqual([['a']]);
    for (let i = 0; i < 20; i++) await sleep(1);
    expect(answered).toBe(false);
    decide();
    await command;
  });

  test('a flow’s packets are those of kernel and queue; what does not fit is listed with its reason', async () => {
    start({ counts: () => new Map([['a', { packets: 5, octets: 500 }]]), unfit: (flow) => (flow === 'b' ? 'match' : undefined) });
    await set('a');
    await set('b');
    count(newest(), 1, 'a', 2);
    expect(control.matched(new Map([['a', { packets: 5, octets: 500 }]]))).toMatchObject([{ name: 'a', packets: 7 }, { name: 'b' }]);
    expect(JSON.parse(await say('list'))).toMatchObject([{ matches_count: 7 }, { matches_count: 0, left_to_queue: 'match' }]);
  });

  test('a deleted flow’s counts are dropped when the kernel no longer decides by it', async () => {
    const events: string[] = [];
    start({ take: async ({ names }) => void events.push(`take ${names}`), forget: (flow) => void events.push(`forget ${flow}`) });
    await set('a');
    await say('delete', { name: 'a' });
    expect(events).toEqual(['take a', 'take ', 'forget a']);
  });
});

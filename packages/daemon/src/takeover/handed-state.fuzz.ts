// The state of one process, handed over whole, or damaged, or described as something else: each part is taken as it was written, or forgotten. After a takeover
// without damage, the new process decides as the old one would have.

import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { Balancer, ConnectionSet, ETH_P_IP, FragmentTable, FwmarkLookup, type HashKey, TargetTable } from '@nfqlb/core';
import { changedJson, type FuzzInput, type FuzzTarget, isTrue, type JsonValue, packet, same } from '@nfqlb/core/testing';
import type { StatePart } from '@nfqlb/protocol/takeover';
import { Counters } from '../shared/counters.js';
import { describeParts, type HeldPart, openStateFile, readState, readStateAtRest, stateOf, writeState } from './handed-state.js';

const SIZE = { M: 23, N: 4 };
const FWMARKS = [101, 102, 103, 104];
const FRAGMENTS = { size: 7, buckets: 8, fragments: 4, mtu: 100, ttl: 200, holes: 16 };
const CONNECTIONS = { idle: 100, connections: 64 };
/** Of the old process; the new one has one of its own. */
const KEYS: readonly HashKey[] = [
  [1, 2],
  [-3, 4],
];
const MAX_EVENTS = 40;
const MAX_SETS = 16;
const DAMAGES = ['none', 'none', 'none', 'cut', 'changed', 'other descriptor', 'locked'] as const;

const from = packet().ipv4('10.0.0.2', '10.0.0.1');
const PACKETS = [
  ...Array.from({ length: 6 }, (_, i) => [
    from.tcp(1000 + i, 80, { flags: 0x02 }).build(),
    from.tcp(1000 + i, 80, { flags: 0x10 }).build(),
  ]).flat(),
  ...[7, 8, 9].flatMap((id) => [
    from.fragment({ id, offset: 0, more: true }).udp(1, 80).payload(24).build(),
    from.fragment({ id, offset: 32, more: true }).protocol(17).payload(32).build(),
    from.fragment({ id, offset: 64, more: false }).protocol(17).payload(5).build(),
  ]),
];

/** The memory of a process, allocated once: {@link empty} before each input. */
class Memory {
  readonly parts: readonly HeldPart[];
  readonly #fragments;
  readonly #connections;
  readonly #pristine: readonly Uint8Array[];
  /** By the key in the memory, from which tables are made that take most of the time of an input. */
  readonly #sets = new Map<string, ConnectionSet>();

  /** @param difference makes the form another one */
  constructor(key: HashKey, difference: 'none' | 'fragments' | 'counts') {
    const options = difference === 'fragments' ? { ...FRAGMENTS, mtu: 200 } : FRAGMENTS;
    this.#fragments = { options, table: FragmentTable.createMemory(options, key), statistics: new SharedArrayBuffer(256) };
    this.#connections = { options: CONNECTIONS, memory: ConnectionSet.createMemory(CONNECTIONS, key) };
    this.parts = stateOf(this.#fragments, this.#connections, new Counters(difference === 'counts' ? 2 : 1));
    this.#pristine = this.octets;
  }

  empty(): this {
    this.parts.forEach(({ memory }, i) => {
      new Uint8Array(memory).set(this.#pristine[i]!);
    });
    return this;
  }

  get octets(): Uint8Array[] {
    return this.parts.map(({ memory }) => new Uint8Array(memory).slice());
  }

  /** As if a thread had died while it was writing. */
  lock(which: number): void {
    const { options, table: memory } = this.#fragments;
    const table = new FragmentTable(memory, options, new Uint32Array(26));
    new Int32Array(memory)[table.lockAt(which % table.locks)] = 2;
  }

  /** What decides with it, from now on. */
  process(table: TargetTable, now: number): Process {
    const { options, table: memory, statistics } = this.#fragments;
    const fragments = new FragmentTable(memory, options, new Uint32Array(statistics, 0, 26));
    const key = Buffer.from(this.#connections.memory, 20, 8).toString('hex');
    const connections = this.#sets.get(key) ?? new ConnectionSet(this.#connections.memory, CONNECTIONS);
    if (this.#sets.size < MAX_SETS) this.#sets.set(key, connections);
    connections.now = now;
    return new Process(table, fragments, connections);
  }
}

class Process {
  readonly #fragments: FragmentTable;
  readonly #connections: ConnectionSet;
  readonly #balancer: Balancer;

  constructor(table: TargetTable, fragments: FragmentTable, connections: ConnectionSet) {
    this.#fragments = fragments;
    this.#connections = connections;
    this.#balancer = new Balancer(new FwmarkLookup(table, connections), { fragments, connections });
  }

  /** As a worker does when it begins. */
  adopt(): void {
    this.#connections.adopt();
  }

  decide(octets: Uint8Array, now: number): number {
    this.#fragments.now = now;
    this.#connections.now = now;
    this.#balancer.refresh();
    return this.#balancer.decide(octets, 0, octets.length, ETH_P_IP);
  }
}

const OLD = new Memory(KEYS[0]!, 'none');
const NEW = (['none', 'none', 'none', 'fragments', 'counts'] as const).map((difference) => new Memory(KEYS[1]!, difference));
const file = openStateFile();
const others = ['/', '/dev/null', '/dev/zero', '/proc/self/status'].map((path) => openSync(path, 'r'));

/** Whether it can come in an offer (takeover-message.fuzz.ts): no other reaches the state. */
function isDescription(value: JsonValue): boolean {
  const isOne = (part: Partial<StatePart> | null): boolean =>
    typeof part?.name === 'string' && typeof part.layout === 'string' && Number.isSafeInteger(part.octets) && part.octets! >= 0;
  return Array.isArray(value) && value.every((part) => isOne(part as Partial<StatePart> | null));
}

/** What a naive reader of the file takes for a part; `undefined` if it is not there. */
function naivePart(octets: Uint8Array, written: readonly StatePart[], { name, layout, memory }: HeldPart): Uint8Array | undefined {
  let at = 0;
  for (const part of written) {
    if (part.name === name) {
      const isSame = part.layout === layout && part.octets === memory.byteLength;
      return isSame && at + part.octets <= octets.length ? octets.subarray(at, at + part.octets) : undefined;
    }
    at += part.octets;
  }
  return undefined;
}

/** Whether a part in these octets is locked: its options are those in the layout. */
function isLocked({ name, layout }: HeldPart, octets: Uint8Array): boolean {
  const memory = new SharedArrayBuffer(octets.length);
  new Uint8Array(memory).set(octets);
  if (name === 'fragments') return FragmentTable.isLocked(memory, optionsIn(layout));
  return name === 'connections' && new Int32Array(memory)[0] !== 0;
}

const optionsIn = (layout: string): typeof FRAGMENTS => JSON.parse(layout.slice(3)) as typeof FRAGMENTS;

/** Reads, and compares with a naive reader. @returns names of the parts that were taken */
function taken(fd: number, written: readonly StatePart[], own: Memory, read: typeof readState): string[] {
  const octets = fd === file ? readFileSync(`/proc/self/fd/${fd}`) : Buffer.alloc(0);
  const before = own.octets;
  const missed = read(fd, written, own.parts);
  return own.parts.flatMap((part, i) => {
    const { name } = part;
    const now = Buffer.from(part.memory);
    const found = naivePart(octets, written, part);
    const isTaken = found !== undefined && !(read === readStateAtRest && isLocked(part, found));
    same(`${name} is missed`, missed.includes(name), !isTaken);
    if (isTaken) {
      isTrue(`${name} is as written`, now.equals(found));
      return [name];
    }
    // Counts stay as they were; the others are as if nothing had been, with the same key.
    const nothing = new SharedArrayBuffer(part.memory.byteLength);
    new Uint8Array(nothing).set(found ?? before[i]!);
    if (name === 'fragments') FragmentTable.clear(nothing, optionsIn(part.layout));
    if (name === 'connections') ConnectionSet.clear(nothing);
    isTrue(`${name} is forgotten`, now.equals(Buffer.from(nothing)));
    return [];
  });
}

/** Damages the file, or takes another descriptor. */
function damaged(input: FuzzInput, damage: (typeof DAMAGES)[number]): number {
  if (damage === 'cut') ftruncateSync(file, input.u32() % (1 + OLD.octets.reduce((sum, { length }) => sum + length, 0)));
  else if (damage === 'changed') writeSync(file, input.bytes(4), 0, null, input.u16());
  return damage === 'other descriptor' ? input.pick(others) : file;
}

const target: FuzzTarget = {
  run(input) {
    const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(SIZE)), SIZE);
    table.setTargets([{ fwmark: 101 }, { fwmark: 102 }]);
    let now = 1000;
    const live = (processes: readonly Process[]): void => {
      for (let events = input.below(MAX_EVENTS); events > 0 && input.left > 0; events--) {
        const what = input.u8();
        if (what < 200) {
          const [one, ...rest] = processes.map((each) => each.decide(PACKETS[what % PACKETS.length]!, now));
          for (const other of rest) same('decided as the old process does', other, one);
          input.note(one! & 127);
        } else if (what < 225) now += input.pick([1, 1000, 30_000]);
        else {
          const bits = 1 + (what % 15);
          table.setTargets(
            FWMARKS.filter((_, i) => (bits >> i) & 1).map((fwmark) => ({ fwmark })),
            { now, seconds: 60 },
          );
        }
      }
    };
    const old = OLD.empty().process(table, now);
    const own = input.pick(NEW).empty();
    live([old]);
    ftruncateSync(file, 0);
    writeState(file, OLD.parts);
    const edits = input.pick([0, 0, 0, 0, 1, 2]);
    let description = JSON.parse(JSON.stringify(describeParts(OLD.parts))) as JsonValue;
    for (let i = 0; i < edits; i++) description = changedJson(input, description);
    if (!isDescription(description)) return;
    const written = description as unknown as readonly StatePart[];
    const damages = [input.pick(DAMAGES), input.pick(DAMAGES)] as const;
    const ahead = taken(damaged(input, damages[0]), written, own, readState);
    live([old]);
    const process = own.process(table, now);
    if (damages[1] === 'locked') OLD.lock(input.below(256));
    writeState(file, OLD.parts);
    const names = taken(damaged(input, damages[1]), written, own, readStateAtRest);
    process.adopt();
    input.note(256 + ahead.length * 8 + names.length);
    if (damages[1] === 'locked') isTrue('what is locked is not taken', !names.includes('fragments'));
    // What a process of the same user says is not doubted, so long as it is whole: anything in a table may be an endless chain.
    if (damages.includes('changed') || (edits > 0 && names.includes('fragments'))) return;
    const isAsBefore = edits === 0 && damages.every((each) => each === 'none') && names.length === OLD.parts.length;
    live(isAsBefore ? [old, process] : [process]);
  },
};
export default target;
process.on('exit', () => {
  for (const fd of [file, ...others]) closeSync(fd);
});

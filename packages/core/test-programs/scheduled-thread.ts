// A thread of fragments/interleavings.test.ts: before each atomic operation it waits until it is its turn, so that the order of all threads' operations is
// that which the test chose.

import { parentPort, workerData } from 'node:worker_threads';
import { extractKey, FragmentTable, type FragmentTableOptions, PacketKey } from '../src/index.js';
import { ETH_P_IP } from '../src/wire/ethertype.js';
import { Turn } from './turn.js';

/** One fragment to take. */
export interface ScheduledEvent {
  readonly octets: Uint8Array;
  /** The decision for a first fragment; absent for later ones. */
  readonly fwmark?: number;
  /** The thread's clock, in milliseconds. */
  readonly now: number;
}

export interface ScheduledTask {
  readonly thread: number;
  readonly options: FragmentTableOptions;
  /** By round. */
  readonly memories: readonly SharedArrayBuffer[];
  readonly events: readonly (readonly ScheduledEvent[])[];
  /** A word for each thread: its {@link Turn}. */
  readonly turns: Int32Array;
}

/** What a thread did in a round. */
export interface ScheduledRound {
  readonly answers: readonly number[];
  /** Number of reinjected fragments. */
  readonly sent: number;
  readonly statistics: Uint32Array;
}

const atomics = Atomics as unknown as Record<string, (...args: unknown[]) => unknown>;
const { load, store, notify, wait } = Atomics;

function run({ thread, options, memories, events, turns }: ScheduledTask): void {
  const pause = (state: number): void => {
    store(turns, thread, state);
    notify(turns, thread);
    while (load(turns, thread) === state) wait(turns, thread, state);
  };
  for (const name of ['load', 'store', 'add', 'exchange', 'compareExchange']) {
    const operation = atomics[name]!;
    atomics[name] = (...args) => {
      pause(Turn.Waits);
      return operation(...args);
    };
  }
  // Waiting for a lock is having another turn: whoever waits looks again.
  atomics.wait = () => {
    pause(Turn.Waits);
    return 'timed-out';
  };
  const key = new PacketKey();
  const rounds = memories.map((memory, round): ScheduledRound => {
    pause(Turn.Done);
    const statistics = new Uint32Array(26);
    let sent = 0;
    const table = new FragmentTable(memory, options, statistics, () => sent++);
    const answers = events[round]!.map(({ octets, fwmark, now }) => {
      table.now = now;
      extractKey(key, octets, 0, octets.length, ETH_P_IP, 0);
      return fwmark === undefined ? table.later(key, octets, 0, octets.length, octets.length) : table.first(key, fwmark);
    });
    return { answers, sent, statistics };
  });
  pause(Turn.Done);
  parentPort!.postMessage(rounds);
}

run(workerData as ScheduledTask);

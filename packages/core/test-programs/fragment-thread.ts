// A thread of src/fragments/threads.test.ts. Thread `(datagram + part) mod threads` handles fragment `part` of each datagram, in order of the
// datagrams, and no thread runs far ahead of the others: so a datagram's fragments arrive in all orders, on several threads at about the same
// time.

import { parentPort, workerData } from 'node:worker_threads';
import { FragmentTable } from '../src/fragments/fragment-table.js';
import type { FragmentTableOptions } from '../src/fragments/layout.js';
import { STATISTICS_LENGTH } from '../src/fragments/statistics.js';
import { extractKey } from '../src/key/extract.js';
import { Kind } from '../src/key/kind.js';
import { PacketKey } from '../src/key/packet-key.js';
import { STORED } from '../src/packet-batch.js';
import { packet } from '../src/packet-builder/index.js';
import { setU16 } from '../src/packet-builder/octets.js';
import { fragments } from '../src/testing/fragments.js';
import { ETH_P_IP } from '../src/wire/ethertype.js';

export interface ThreadTask {
  readonly memory: SharedArrayBuffer;
  readonly options: FragmentTableOptions;
  /** Number of datagrams handled, by thread. */
  readonly progress: SharedArrayBuffer;
  readonly thread: number;
  /** How far this thread's clock is ahead, in milliseconds. */
  readonly lead: number;
  readonly datagrams: number;
  /** Number of fragments of each datagram. */
  readonly parts: number;
  /** Whether identifications come again after all that was known of them has expired, and some fragments never come. */
  readonly expires: boolean;
}

export interface ThreadResult {
  /** Fragments that got the fwmark of their datagram, and those that got another one. */
  readonly right: number;
  readonly wrong: number;
  readonly stored: number;
  /** Fragments that were reinjected, and so handled again. */
  readonly again: number;
  readonly dropped: number;
  readonly statistics: Uint32Array;
}

/** Maximum number of datagrams that a thread may be ahead of another. */
const MAX_AHEAD = 4;

/** If they come again: so many identifications, and milliseconds between two datagrams. A clock's lead, and {@link MAX_AHEAD}, are small beside their product. */
const IDENTIFICATIONS = 50;
const STEP_MS = 10;

/** Of these datagrams a fragment is lost on the way: the first one, or another. */
const lost = (datagram: number): number => (datagram % 3 === 0 ? (datagram / 3) % parts : -1);

const { memory, options, progress, thread, lead, datagrams, parts, expires } = workerData as ThreadTask;
const progressOf = new Int32Array(progress);
const threads = progressOf.length;
const returned: Uint8Array[] = [];
const statistics = new Uint32Array(STATISTICS_LENGTH / 4);
const table = new FragmentTable(memory, options, statistics, (bytes, at, length) => {
  returned.push(bytes.slice(at, at + length));
});
const train = fragments(
  packet()
    .ipv4('10.0.0.2', '10.0.0.1')
    .udp(4711, 5001)
    .payload(40 * parts - 8)
    .build(),
  60,
);
const key = new PacketKey();
const result = { right: 0, wrong: 0, stored: 0, again: 0, dropped: 0, statistics };

function take(bytes: Uint8Array, own: number): void {
  const kind = extractKey(key, bytes, 0, bytes.length, ETH_P_IP, 0);
  const fwmark = own;
  const answer = kind === Kind.FirstFragment ? table.first(key, fwmark) : table.later(key, bytes, 0, bytes.length, bytes.length);
  if (answer === STORED) result.stored++;
  else if (answer < 0) result.dropped++;
  else if (answer === fwmark) result.right++;
  else result.wrong++;
}

for (let datagram = 0; datagram < datagrams; datagram++) {
  for (let other = 0; other < threads; other++) {
    while (datagram - Atomics.load(progressOf, other) > MAX_AHEAD) Atomics.wait(progressOf, other, Atomics.load(progressOf, other), 1);
  }
  table.now = (expires ? datagram * STEP_MS : datagram / 100) + lead;
  for (let part = 0; part < parts; part++) {
    if ((datagram + part) % threads !== thread || (expires && lost(datagram) === part)) continue;
    const bytes = train[part]!.slice();
    setU16(bytes, 4, expires ? datagram % IDENTIFICATIONS : datagram + 1);
    take(bytes, datagram + 1);
    // Only its own first fragment lets others go.
    for (let again = returned.shift(); again; again = returned.shift()) {
      result.again++;
      take(again, datagram + 1);
    }
  }
  Atomics.store(progressOf, thread, datagram + 1);
  Atomics.notify(progressOf, thread);
}
parentPort!.postMessage(result satisfies ThreadResult);

import { setTimeout as sleep } from 'node:timers/promises';
import type { Family } from '../matrix/behaviours.js';
import { type Site, VIP } from './site.js';

/** What a client has seen of its TCP connections. */
export interface Seen {
  readonly connections: number;
  /** How many came about. */
  readonly connected: number;
  /** Why connections failed or ended, as in `ECONNREFUSED`; of each the first. */
  readonly errors: readonly string[];
  readonly asked: number;
  readonly answered: number;
  /** Connections that more than one target has answered. */
  readonly moved: number;
  /** Connections by the host name of the target that answered first. */
  readonly byTarget: Readonly<Record<string, number>>;
  /** The same, of each connection; empty without an answer. */
  readonly targets: readonly string[];
  readonly connectMs: { readonly p50: number; readonly longest: number };
}

export interface Conversation {
  readonly family: Family;
  /** For `hold`: how many at a time. */
  readonly connections?: number;
  /** Milliseconds from one question to the next, or from one connection to the next. Default 20. */
  readonly interval?: number;
  /** Milliseconds without an answer after which a connection counts as broken. Default 5000. */
  readonly patience?: number;
}

let conversations = 0;

/**
 * Holds connections and asks on each all the time (`hold`), or makes one connection after the other (`dial`), while `meanwhile`
 * runs.
 */
export async function converse(
  { client }: Site,
  what: 'hold' | 'dial',
  { family, connections, interval = 20, patience }: Conversation,
  meanwhile: () => Promise<void>,
): Promise<Seen> {
  const stop = `/tmp/stop-${++conversations}`;
  const running = client.run(
    'node',
    '/client.mjs',
    what,
    JSON.stringify({ to: VIP[family], port: 7, connections, interval, stop, patience }),
  );
  // Node and the first connections.
  await sleep(700);
  try {
    await meanwhile();
  } finally {
    await client.run('touch', stop);
  }
  return JSON.parse(await running) as Seen;
}

/** Asks with curl, a connection each, and gives the answers. */
export async function curl({ client }: Site, family: Family, count: number, path = ''): Promise<string[]> {
  const url = `http://${family === 4 ? VIP[4] : `[${VIP[6]}]`}/${path}`;
  const text = await client.script(`for i in $(seq ${count}); do curl --silent --show-error --globoff --max-time 5 '${url}'; done`);
  return text.trimEnd().split('\n');
}

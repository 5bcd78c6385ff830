import { setTimeout as sleep } from 'node:timers/promises';
import type { Family } from '../matrix/behaviours.js';
import { type Site, VIP } from './site.js';

/** What a client observed on its TCP connections. */
export interface Seen {
  readonly connections: number;
  /** How many were established. */
  readonly connected: number;
  /** Why connections failed or ended, such as `ECONNREFUSED`; the first error of each. */
  readonly errors: readonly string[];
  readonly asked: number;
  readonly answered: number;
  /** Connections answered by more than one target. */
  readonly moved: number;
  /** Connections, by the host name of the first target that answered. */
  readonly byTarget: Readonly<Record<string, number>>;
  /** The first target that answered, for each connection; empty without an answer. */
  readonly targets: readonly string[];
  readonly connectMs: { readonly p50: number; readonly longest: number };
}

export interface Conversation {
  readonly family: Family;
  /** For `hold`: how many at a time. */
  readonly connections?: number;
  /** Milliseconds between requests, or between connections. Default 20. */
  readonly interval?: number;
  /** Milliseconds without an answer after which a connection counts as broken. Default 5000. */
  readonly timeout?: number;
}

let conversations = 0;

/**
 * Holds connections open and keeps sending requests on each (`hold`), or opens one connection after another (`dial`), while
 * `meanwhile` runs.
 */
export async function runConversations(
  { client }: Site,
  what: 'hold' | 'dial',
  { family, connections, interval = 20, timeout }: Conversation,
  meanwhile: () => Promise<void>,
): Promise<Seen> {
  const stop = `/tmp/stop-${++conversations}`;
  const running = client.run(
    'node',
    '/client.mjs',
    what,
    JSON.stringify({ to: VIP[family], port: 7, connections, interval, stop, timeout }),
  );
  // Time for Node and the first connections to start.
  await sleep(700);
  try {
    await meanwhile();
  } finally {
    await client.run('touch', stop);
  }
  return JSON.parse(await running) as Seen;
}

/** Sends requests with curl, one per connection, and returns the answers. */
export async function curl({ client }: Site, family: Family, count: number, path = ''): Promise<string[]> {
  const url = `http://${family === 4 ? VIP[4] : `[${VIP[6]}]`}/${path}`;
  const text = await client.script(`for i in $(seq ${count}); do curl --silent --show-error --globoff --max-time 5 '${url}'; done`);
  return text.trimEnd().split('\n');
}

import { type ConnectionCounts, type ConnectionSet, IPPROTO_TCP, Kind, Stage, stageOf, type TargetTable } from '@nfqlb/core';
import { number } from '../columns.js';
import type { ReplayedBalancer } from './replayed-balancer.js';

/** Why a connection broke: a packet of it went to another target than those before. In the order in which they are looked for. */
export const CAUSES = [
  'no target is active',
  'its target left without a drain',
  'another load balancer of the tier got it',
  'no room to remember it',
  'silent for longer than --drain-idle',
  'silent until the deadline',
  'targets changed without a drain',
] as const;

export type Cause = (typeof CAUSES)[number];

interface Connection {
  readonly target: number;
  /** Number of the load balancer that got its first packet. */
  readonly lb: number;
  /** When its last packet came, in milliseconds. */
  lastUse: number;
  /** Whether more than its beginning was seen. */
  open: boolean;
  /** Whether there was no room to remember it. */
  refused: boolean;
  /** Whether it has ended or broken: then it cannot break any more. */
  over: boolean;
}

/** Counts TCP connections, and those that break, with a table of all connections. */
export class BrokenConnections {
  /** Connections seen. */
  count = 0;
  readonly byCause: Map<Cause, number> = new Map();
  readonly #idle: number;
  readonly #connections = new Map<string, Connection>();
  readonly #refused = new Map<ConnectionSet, number>();

  /** @param idle how long a remembered connection may be silent, in seconds */
  constructor(idle: number) {
    this.#idle = idle;
  }

  get broken(): number {
    return [...this.byCause.values()].reduce((sum, n) => sum + n, 0);
  }

  /**
   * Looks at the packet that was just decided.
   *
   * @param lb number of the load balancer in the tier
   */
  look(fwmark: number, replayed: Pick<ReplayedBalancer, 'balancer' | 'connections' | 'table'>, bytes: Uint8Array, lb = 0): void {
    const { balancer, connections } = replayed;
    const { key, kind } = balancer;
    if (key.protocol !== IPPROTO_TCP || (kind !== Kind.Normal && kind !== Kind.FirstFragment)) return;
    const { refused } = connections;
    const isRefused = refused !== (this.#refused.get(connections) ?? 0);
    this.#refused.set(connections, refused);
    const name = key.words.join();
    const stage = stageOf(key, kind, bytes, false);
    const known = this.#connections.get(name);
    const now = connections.now;
    // A repeated SYN does not make a second connection.
    if (!known || (stage === Stage.Begins && (known.open || known.over)) || (stage === Stage.Begins && known.target !== fwmark)) {
      if (fwmark < 0) return;
      this.#connections.set(name, { target: fwmark, lb, lastUse: now, open: stage !== Stage.Begins, refused: isRefused, over: false });
      if (!known || known.open || known.over) this.count++;
      return;
    }
    known.refused ||= isRefused;
    if (fwmark === known.target) {
      known.lastUse = now;
      if (stage !== Stage.Begins) known.open = true;
      if (stage === Stage.Ends) known.over = true;
    }
    if (fwmark === known.target || known.over) return;
    known.over = true;
    const cause =
      known.lb === lb ? this.#causeOf(known, fwmark, now, balancer.bucket, replayed.table) : 'another load balancer of the tier got it';
    this.byCause.set(cause, (this.byCause.get(cause) ?? 0) + 1);
  }

  describe({ begun, learned, refused }: ConnectionCounts): string[] {
    const causes = CAUSES.filter((cause) => this.byCause.has(cause)).map((cause) => `${cause}: ${number(this.byCause.get(cause)!)}`);
    const why = causes.length > 0 ? ` (${causes.join(', ')})` : '';
    return [
      `TCP connections: ${number(this.count)}, broken: ${number(this.broken)}${why}`,
      `remembered: ${number(begun)} since they began, ${number(learned)} since a later packet; no room: ${number(refused)}`,
    ];
  }

  #causeOf({ target, refused, lastUse }: Connection, fwmark: number, now: number, bucket: number, table: TargetTable | undefined): Cause {
    if (fwmark < 0 || table === undefined) return 'no target is active';
    if (!table.fwmarks.includes(target) && !table.draining.includes(target)) return 'its target left without a drain';
    if (refused) return 'no room to remember it';
    if (now - lastUse > this.#idle * 1000) return 'silent for longer than --drain-idle';
    return table.formerTargets?.former[bucket] === target ? 'silent until the deadline' : 'targets changed without a drain';
  }
}

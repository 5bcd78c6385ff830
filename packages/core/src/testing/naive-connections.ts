// A second implementation of transitions, only for tests, from the other side: not buckets that keep former targets, but a table of all connections,
// each with the target that its first packet went to, and a list of what has happened to its bucket since. It says which connections must not lose
// their target, and knows nothing of how that is done.

export interface NaiveConnection {
  readonly bucket: number;
  target: number;
  /** When its last packet came, in seconds. */
  lastUse: number;
  state: 'begun' | 'open' | 'closing';
  /** Whether a packet of it came while its bucket was in transition, so that it is known by itself. */
  remembered: boolean;
}

/** How long a connection may be silent, in seconds. */
const LIMIT = { begun: 30, open: Number.POSITIVE_INFINITY, closing: 60 };

interface NaiveTransition {
  /** Target of connections that began before it. */
  readonly former: number;
  until: number;
}

export class NaiveConnections {
  /** In seconds. */
  now = 0;
  readonly #idle: number;
  readonly #connections = new Map<string, NaiveConnection>();
  readonly #transitions = new Map<number, NaiveTransition>();
  #targets: readonly number[];
  #alive = new Set<number>();

  /** @param targets fwmark by bucket */
  constructor(targets: readonly number[], idle: number) {
    this.#targets = targets;
    this.#idle = idle;
  }

  /**
   * A change of the table.
   *
   * @param targets fwmark by bucket from now on
   * @param alive fwmarks that are active or draining
   * @param drain in seconds; 0 for none
   */
  change(targets: readonly number[], alive: Iterable<number>, drain: number): void {
    for (const key of this.#connections.keys()) this.get(key);
    this.#alive = new Set(alive);
    targets.forEach((target, bucket) => {
      const before = this.#targets[bucket]!;
      if (target === before) return;
      const transition = this.transitionOf(bucket);
      if (drain === 0) {
        // Those that only the table knew are lost.
        if (!transition) this.#lose(bucket, ({ remembered }) => !remembered);
      } else if (transition) transition.until = Math.max(transition.until, this.now + drain);
      else if (before >= 0) this.#transitions.set(bucket, { former: before, until: this.now + drain });
    });
    this.#targets = targets;
    for (const bucket of this.#transitions.keys()) this.transitionOf(bucket);
    for (const [key, { target }] of this.#connections) if (!this.#alive.has(target)) this.#connections.delete(key);
  }

  /** The live connection that must keep its target, or `undefined` if this packet belongs to none. */
  get(key: string): NaiveConnection | undefined {
    const connection = this.#connections.get(key);
    if (!connection) return undefined;
    const { bucket, target, remembered, state, lastUse } = connection;
    // Where the table alone leads to it, nobody watches it any more.
    if (remembered && target === this.#targets[bucket] && !this.transitionOf(bucket)) connection.remembered = false;
    const isSilent = remembered && this.now - lastUse > Math.min(LIMIT[state], this.#idle);
    // Silent during the whole transition: nobody could know that it was there.
    const wasOverlooked = !remembered && target !== this.#targets[bucket] && !this.transitionOf(bucket);
    if (!isSilent && !wasOverlooked) return connection;
    this.#connections.delete(key);
    return undefined;
  }

  /** A connection begins, at this target. */
  begin(key: string, bucket: number, target: number): void {
    const remembered = this.transitionOf(bucket) !== undefined && target !== this.transitionOf(bucket)!.former;
    this.#connections.set(key, { bucket, target, lastUse: this.now, state: 'begun', remembered });
  }

  /** It is over, and no other has begun in its place. */
  end(key: string): void {
    this.#connections.delete(key);
  }

  /** A later packet of it. */
  use(key: string, ends: boolean): void {
    const connection = this.#connections.get(key)!;
    connection.lastUse = this.now;
    connection.state = ends || connection.state === 'closing' ? 'closing' : 'open';
    if (this.transitionOf(connection.bucket) && connection.target !== this.#targets[connection.bucket]) connection.remembered = true;
  }

  transitionOf(bucket: number): NaiveTransition | undefined {
    const transition = this.#transitions.get(bucket);
    if (!transition || (this.now < transition.until && this.#alive.has(transition.former))) return transition;
    this.#transitions.delete(bucket);
    return undefined;
  }

  targetOf(bucket: number): number {
    return this.#targets[bucket]!;
  }

  #lose(bucket: number, which: (connection: NaiveConnection) => boolean): void {
    for (const [key, connection] of this.#connections) if (connection.bucket === bucket && which(connection)) this.#connections.delete(key);
  }
}

import { DiscoveryError } from '../http/problem.js';
import { Backoff, pause } from '../pause.js';
import type { EtcdAccess } from '../settings/index.js';
import { Compacted, EtcdClient, type KeyRange, type Listing } from './etcd-client.js';

/** Whom to tell what etcd has. */
export interface KeyObserver {
  /** Called with all keys and values, at first and after each change. */
  readonly changed: (values: ReadonlyMap<string, string>) => void;
  /** Called with why no member can be asked, and with nothing when one can again. */
  readonly failed: (problem: string | undefined) => void;
}

/**
 * How often a member is asked whether it still serves, and what was changed last, in milliseconds: a watch that is silent may be of a member that is cut
 * off from the others, or of a connection that leads nowhere any more.
 */
const PROBE_MS = 3000;

/** Follows the keys of a range until `stopped`. Never rejects. */
export async function followKeys(access: EtcdAccess, range: KeyRange, observer: KeyObserver, stopped: AbortSignal): Promise<void> {
  const known = new KnownKeys(range, observer);
  const backoff = new Backoff();
  const problems = new Map<string, string>();
  const { endpoints } = access;
  // The load balancers of a tier watch at different members.
  let next = Math.floor(Math.random() * endpoints.length);
  while (!stopped.aborted) {
    const endpoint = endpoints[next % endpoints.length]!;
    const served = await serveFrom(endpoint, access, known, stopped, () => {
      problems.clear();
      backoff.reset();
      observer.failed(undefined);
    });
    if (stopped.aborted) return;
    if (served === 'again') continue;
    problems.set(endpoint, served);
    next++;
    if (problems.size < endpoints.length) continue;
    observer.failed(endpoints.map((one) => problems.get(one)).join('; '));
    await pause(backoff.after(), stopped);
  }
}

/** Follows by one member for as long as it serves. Resolves with what is wrong with it then, or `again`: at once, from the beginning. */
async function serveFrom(
  endpoint: string,
  access: EtcdAccess,
  known: KnownKeys,
  stopped: AbortSignal,
  serves: () => void,
): Promise<string | 'again'> {
  const over = new AbortController();
  const end = (): void => over.abort();
  stopped.addEventListener('abort', end);
  const { signal } = over;
  let client: EtcdClient | undefined;
  try {
    client = await EtcdClient.open(endpoint, access, signal);
    if (known.revision === undefined) known.replace(await client.list(known.range));
    await Promise.race([known.watch(client, signal), probe(client, known, signal, serves)]);
    return 'again';
  } catch (error) {
    if (error instanceof DiscoveryError) return error.message;
    if (!(error instanceof Compacted)) return `${endpoint}: ${error instanceof Error ? error.message : String(error)}`;
    known.forget();
    return 'again';
  } finally {
    stopped.removeEventListener('abort', end);
    end();
    client?.close();
  }
}

/** Asks again and again, until something is wrong. */
async function probe(client: EtcdClient, known: KnownKeys, signal: AbortSignal, serves: () => void): Promise<void> {
  let due: Listing | undefined;
  while (!signal.aborted) {
    const newest = await client.newest(known.range);
    known.requireSameHistory(newest);
    // What was the newest at the last probe must have come by now.
    if (due && known.lacks(due)) {
      known.forget();
      throw new Error('a watch has brought nothing of what has changed');
    }
    due = newest;
    serves();
    await pause(PROBE_MS, signal);
  }
}

/** The keys of a range as they are known, and up to which revision. */
class KnownKeys {
  readonly range: KeyRange;
  readonly #observer: KeyObserver;
  #values = new Map<string, string>();
  #cluster = '';
  /** `undefined`: they must be listed. */
  revision: number | undefined;

  constructor(range: KeyRange, observer: KeyObserver) {
    this.range = range;
    this.#observer = observer;
  }

  forget(): void {
    this.revision = undefined;
  }

  replace({ cluster, revision, values }: Listing): void {
    this.#cluster = cluster;
    this.#values = new Map(values.map(({ key, value }) => [key, value]));
    this.revision = revision;
    this.#observer.changed(this.#values);
  }

  async watch(client: EtcdClient, signal: AbortSignal): Promise<void> {
    for await (const { changes } of client.watch(this.range, this.revision! + 1, signal)) {
      if (signal.aborted) return;
      if (changes.length === 0) continue;
      for (const { key, value, isDeleted } of changes) {
        if (isDeleted) this.#values.delete(key);
        else this.#values.set(key, value);
      }
      // All changes of a revision come together. The notice's own revision may be later than what it brings.
      this.revision = Math.max(...changes.map(({ revision }) => revision));
      this.#observer.changed(this.#values);
    }
  }

  /** A cluster that was restored from a backup, or another one, counts differently: nothing of what is known applies. */
  requireSameHistory({ cluster, revision }: Listing): void {
    if (this.revision !== undefined && cluster === this.#cluster && revision >= this.revision) return;
    this.forget();
    throw new Compacted();
  }

  /** Whether changes that a member knew of are missing here. */
  lacks({ count, values: [newest], revision }: Listing): boolean {
    if (this.revision === undefined || this.revision >= revision) return false;
    return (newest !== undefined && newest.revision > this.revision) || count !== this.#values.size;
  }
}

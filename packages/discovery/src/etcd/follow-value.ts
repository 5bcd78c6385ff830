import { DiscoveryError } from '../http/problem.js';
import type { EtcdKey } from '../settings/index.js';
import { EtcdClient } from './etcd-client.js';
import { followKeys } from './follow-keys.js';

/** Whom to tell what a single key has. */
export interface ValueObserver {
  readonly changed: (text: string) => void;
  /** Called with what is wrong, with the key or with the members, and with nothing when all is well again. */
  readonly failed: (problem: string | undefined) => void;
}

/** The value of a key now, from the first member that answers. @throws {@link DiscoveryError} */
export async function readValue({ access, key }: EtcdKey): Promise<string> {
  const problems: string[] = [];
  for (const endpoint of access.endpoints) {
    let client: EtcdClient | undefined;
    try {
      client = await EtcdClient.open(endpoint, access, new AbortController().signal);
      const { values } = await client.list({ first: Buffer.from(key) });
      if (values[0]) return values[0].value;
      throw new DiscoveryError(missing(key), 404);
    } catch (error) {
      if (!(error instanceof DiscoveryError) || error.status === 404) throw error;
      problems.push(error.message);
    } finally {
      client?.close();
    }
  }
  throw new DiscoveryError(problems.join('; '));
}

/** Follows the value of a key until `stopped`. Never rejects. A key that goes keeps its last value. */
export function followValue({ access, key }: EtcdKey, observer: ValueObserver, stopped: AbortSignal): Promise<void> {
  let unreachable: string | undefined;
  let gone: string | undefined;
  const tell = (): void => observer.failed(unreachable ?? gone);
  return followKeys(
    access,
    { first: Buffer.from(key) },
    {
      changed: (values) => {
        const text = values.get(key);
        gone = text === undefined ? missing(key) : undefined;
        if (text !== undefined) observer.changed(text);
        tell();
      },
      failed: (problem) => {
        unreachable = problem;
        tell();
      },
    },
    stopped,
  );
}

function missing(key: string): string {
  return `etcd has no key ${key}`;
}

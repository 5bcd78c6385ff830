import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Running, run } from '../processes/running.js';

/** The Debian packages with etcd's programs. */
export const ETCD: Readonly<Record<string, string>> = { etcd: 'etcd-server', etcdctl: 'etcd-client' };

const CLIENT_PORT = 2379;
const PEER_PORT = 2380;

export interface MemberOptions {
  /** Unique in its cluster. */
  readonly name: string;
  readonly address: string;
  /** Name and address of each member of the cluster; absent: it is the only one. */
  readonly cluster?: ReadonlyMap<string, string>;
  /** Options for TLS. */
  readonly tls?: readonly string[];
  /** Where it runs; absent: here. */
  readonly spawn?: (command: readonly string[]) => Promise<Running>;
}

/** A member of an etcd cluster, with its data in a folder of its own. */
export class EtcdMember implements AsyncDisposable {
  readonly #options: MemberOptions;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'nfqlb-etcd-'));
  #incarnation = 0;
  #running: Running | undefined;

  constructor(options: MemberOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http${this.#options.tls ? 's' : ''}://${this.#options.address}:${CLIENT_PORT}`;
  }

  get process(): Running {
    return this.#running!;
  }

  /** Starts it, or starts it again with the data that it had. */
  async start(): Promise<void> {
    const { name, address, cluster = new Map([[name, address]]), tls = [], spawn = Running.start } = this.#options;
    const peer = (at: string): string => `http://${at}:${PEER_PORT}`;
    this.#running = await spawn([
      'etcd',
      `--name=${name}`,
      `--data-dir=${join(this.#folder, `data-${this.#incarnation}`)}`,
      `--listen-client-urls=${this.url}`,
      `--advertise-client-urls=${this.url}`,
      `--listen-peer-urls=${peer(address)}`,
      `--initial-advertise-peer-urls=${peer(address)}`,
      `--initial-cluster=${[...cluster].map(([member, at]) => `${member}=${peer(at)}`).join()}`,
      `--initial-cluster-token=nfqlb-${this.#incarnation}`,
      // A tenth of the defaults: all of it is on one machine, but that may be busy.
      '--heartbeat-interval=50',
      '--election-timeout=500',
      '--logger=zap',
      '--log-outputs=stderr',
      ...tls,
    ]);
    await this.#running.waitForOutput(
      /ready to serve client requests|serving (?:insecure )?client requests|serving client traffic/,
      20_000,
    );
  }

  async kill(): Promise<void> {
    await this.process.stop('SIGKILL');
  }

  /** From now on it is another cluster: as after a restore of a backup. */
  async forget(): Promise<void> {
    await this.kill();
    this.#incarnation++;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running && !this.#running.ended) await this.#running.stop('SIGKILL');
    rmSync(this.#folder, { recursive: true });
  }
}

/** Runs etcd's own client. */
export class EtcdCtl {
  readonly #options: readonly string[];
  readonly #run: (command: readonly string[]) => Promise<string>;

  constructor(endpoints: readonly string[], options: readonly string[] = [], runIn: (command: readonly string[]) => Promise<string> = run) {
    this.#options = [`--endpoints=${endpoints.join()}`, '--dial-timeout=5s', '--command-timeout=20s', ...options];
    this.#run = runIn;
  }

  async run(...args: readonly string[]): Promise<string> {
    return (await this.#run(['env', 'ETCDCTL_API=3', 'etcdctl', ...this.#options, ...args])).trim();
  }

  /** Several changes in one transaction, and so in one revision: keys with their values, or `undefined` to delete one. */
  async change(values: Readonly<Record<string, string | undefined>>): Promise<void> {
    const requests = Object.entries(values).map(([key, value]) => (value === undefined ? `del ${key}` : `put ${key} ${quoted(value)}`));
    await this.#run(['sh', '-c', `printf '%s\\n' "$0" | ETCDCTL_API=3 etcdctl "$@" txn`, `\n${requests.join('\n')}\n\n`, ...this.#options]);
  }

  /** @returns the revision */
  async put(key: string, value: unknown, ...options: readonly string[]): Promise<number> {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const answer = await this.run('put', ...options, '--write-out=json', '--', key, text).catch((error: Error) => {
      // Of a request that a leader had who has been killed, nobody knows what became of it.
      if (error.message.includes('request timed out')) return this.run('put', ...options, '--write-out=json', '--', key, text);
      throw error;
    });
    return JSON.parse(answer).header.revision;
  }

  async delete(key: string): Promise<void> {
    await this.run('del', key);
  }
}

function quoted(value: string): string {
  return `"${value.replaceAll('"', '\\"')}"`;
}

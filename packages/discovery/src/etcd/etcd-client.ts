// One member of an etcd cluster, by the HTTP/JSON gateway that etcd has since 3.4: protobuf's JSON mapping, in which octets are base64, 64-bit numbers
// are text, and what is zero is left out. (https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/)

import { readFileSync } from 'node:fs';
import { DiscoveryError } from '../http/problem.js';
import { HttpClient } from '../http/request.js';
import type { EtcdAccess } from '../settings/index.js';
import { shownText } from '../text.js';

/** From the first key to before the last; without one, the first alone. */
export interface KeyRange {
  readonly first: Buffer;
  readonly end?: Buffer;
}

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

/** What a member says of all keys of a range. */
export interface Listing {
  readonly cluster: string;
  /** Of the cluster as a whole. */
  readonly revision: number;
  readonly count: number;
  readonly values: readonly KeyValue[];
}

/** What has changed; without anything, that a watch has begun. */
export interface WatchNotice {
  readonly changes: readonly (KeyValue & { readonly isDeleted: boolean })[];
}

/** The revision that a watch was to begin with is no longer known. */
export class Compacted extends Error {
  override readonly name = 'Compacted';
}

/** For an answer, in milliseconds: a member that takes longer does not serve. */
const ANSWER_MS = 2000;

/** A list may be long. */
const LIST_MS = 10_000;

export class EtcdClient {
  readonly #endpoint: string;
  readonly #http: HttpClient;
  readonly #signal: AbortSignal;
  #token: string | undefined;

  private constructor(endpoint: string, http: HttpClient, signal: AbortSignal) {
    this.#endpoint = endpoint;
    this.#http = http;
    this.#signal = signal;
  }

  /**
   * Reads certificates and the password anew.
   *
   * @throws {@link DiscoveryError}
   */
  static async open(endpoint: string, access: EtcdAccess, signal: AbortSignal): Promise<EtcdClient> {
    const { user, passwordFile } = access;
    const tls = { ca: contentOf(access.ca), cert: contentOf(access.cert), key: contentOf(access.key) };
    const password = contentOf(passwordFile)?.replace(/\r?\n$/, '');
    const token = (): Record<string, string> => (client.#token === undefined ? {} : { authorization: client.#token });
    let http: HttpClient;
    try {
      http = new HttpClient({ url: new URL(endpoint), tls, headers: token });
    } catch (error) {
      // Of OpenSSL, for files that are no certificates.
      throw new DiscoveryError(`${endpoint}: ca, cert or key is not what it should be: ${(error as Error).message}`);
    }
    const client = new EtcdClient(endpoint, http, signal);
    if (user !== undefined) {
      try {
        const { token } = fieldsOf(await client.#call('/v3/auth/authenticate', { name: user, password }));
        if (typeof token !== 'string') throw client.#error('the answer is not etcd’s: there is no token');
        client.#token = token;
      } catch (error) {
        http.close();
        throw error;
      }
    }
    return client;
  }

  close(): void {
    this.#http.close();
  }

  /** All keys and values, as most of the members know them. */
  async list(range: KeyRange): Promise<Listing> {
    return this.#range({ ...encoded(range) }, LIST_MS);
  }

  /** How many keys there are, and the one that was changed last. Asks most of the members: one that is cut off does not answer. */
  async newest(range: KeyRange): Promise<Listing> {
    return this.#range({ ...encoded(range), limit: '1', keys_only: true, sort_order: 'DESCEND', sort_target: 'MOD' }, ANSWER_MS);
  }

  /**
   * Changes of a range, from a revision on. The first notice says that it has begun.
   *
   * @throws {@link Compacted}, {@link DiscoveryError}
   */
  async *watch(range: KeyRange, revision: number, signal: AbortSignal): AsyncGenerator<WatchNotice> {
    const body = { create_request: { ...encoded(range), start_revision: String(revision) } };
    for await (const line of this.#http.lines({ method: 'POST', path: '/v3/watch', body, signal }, ANSWER_MS)) {
      const { result, error } = fieldsOf(line);
      if (error !== undefined) throw this.#error(shownText(fieldsOf(error).message ?? 'the watch was ended'));
      const { canceled, compact_revision: compacted, cancel_reason: reason, events } = fieldsOf(result);
      if (compacted !== undefined && compacted !== '0') throw new Compacted();
      if (canceled === true) throw this.#error(`the watch was ended: ${shownText(reason ?? 'no reason is given')}`);
      yield {
        changes: listOf(events).map((event) => {
          const { type, kv } = fieldsOf(event);
          return { ...keyValueOf(kv), isDeleted: type === 'DELETE' };
        }),
      };
    }
    throw this.#error('the watch was ended');
  }

  async #range(body: object, timeout: number): Promise<Listing> {
    const { header, kvs, count } = fieldsOf(await this.#call('/v3/kv/range', body, timeout));
    const { cluster_id: cluster, revision } = fieldsOf(header);
    if (typeof cluster !== 'string') throw this.#error('the answer is not etcd’s: is it another server?');
    return { cluster, revision: numberOf(revision), count: numberOf(count), values: listOf(kvs).map(keyValueOf) };
  }

  async #call(path: string, body: object, timeout = ANSWER_MS): Promise<unknown> {
    try {
      return await this.#http.json({ method: 'POST', path, body, signal: this.#signal }, timeout);
    } catch (error) {
      if (error instanceof DiscoveryError && error.status === 404) {
        throw this.#error('it has no HTTP/JSON interface: etcd before 3.4, or --enable-grpc-gateway=false?');
      }
      throw error;
    }
  }

  #error(problem: string): DiscoveryError {
    return new DiscoveryError(`${this.#endpoint}: ${problem}`);
  }
}

function contentOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DiscoveryError(`${file}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`);
  }
}

function encoded({ first, end }: KeyRange): Record<string, string> {
  return { key: first.toString('base64'), ...(end && { range_end: end.toString('base64') }) };
}

function keyValueOf(value: unknown): KeyValue {
  const { key, value: content, mod_revision: revision } = fieldsOf(value);
  return { key: textOf(key), value: textOf(content), revision: numberOf(revision) };
}

function textOf(base64: unknown): string {
  return Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64').toString();
}

/** Revisions count changes: 2^53 of them do not come. */
function numberOf(text: unknown): number {
  const number = text === undefined ? 0 : typeof text === 'string' || typeof text === 'number' ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(number)) throw new Error('the answer is not etcd’s: a number is missing');
  return number;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

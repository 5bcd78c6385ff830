// The endpoints of a Service, by list and watch (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).

import { DiscoveryError } from '../http/problem.js';
import { HttpClient } from '../http/request.js';
import { Backoff, pause } from '../pause.js';
import type { KubernetesSettings } from '../settings/index.js';
import type { Observer, Source } from '../source.js';
import { shownText } from '../text.js';
import { clusterPeer } from './cluster-access.js';
import { answerOf, type EndpointSlice } from './endpoint-slices.js';

/** Of a list, which comes in parts. */
const PART = 500;

const ANSWER_MS = 10_000;

/** For how long a watch is asked for, in seconds. A new one shows soon whether the server is still there, and costs it little. */
const WATCH_SECONDS = 60;

/** A server that ends watches sooner is not asked again at once. */
const SHORTEST_MS = 1000;

/** `410 Gone`: the version that a watch was to begin with is no longer known. */
const GONE = 410;

export function kubernetesSource(settings: KubernetesSettings): Source {
  return async (observer, stopped) => {
    const backoff = new Backoff();
    const known = new KnownSlices(settings, observer);
    while (!stopped.aborted) {
      let client: HttpClient | undefined;
      try {
        client = new HttpClient(clusterPeer(settings));
        const serves = (): void => {
          backoff.reset();
          observer.failed(undefined);
        };
        if (known.version === undefined) await known.list(client, stopped);
        serves();
        // One after the other, over one connection, for as long as it holds.
        while (!stopped.aborted) {
          const begin = performance.now();
          await known.watch(client, stopped);
          serves();
          if (performance.now() - begin < SHORTEST_MS) await pause(SHORTEST_MS, stopped);
        }
      } catch (error) {
        if (stopped.aborted) return;
        const isGone = error instanceof DiscoveryError && error.status === GONE;
        if (isGone) known.version = undefined;
        else observer.failed(error instanceof Error ? error.message : String(error));
        await pause(backoff.after(), stopped);
      } finally {
        client?.close();
      }
    }
  };
}

/** The slices of a Service as they are known, and their version. */
class KnownSlices {
  readonly #path: string;
  readonly #observer: Observer;
  #slices = new Map<string, EndpointSlice>();
  /** `undefined`: they must be listed. */
  version: string | undefined;

  constructor({ namespace, service }: KubernetesSettings, observer: Observer) {
    this.#observer = observer;
    const selector = encodeURIComponent(`kubernetes.io/service-name=${service}`);
    this.#path = `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices?labelSelector=${selector}`;
  }

  async list(client: HttpClient, signal: AbortSignal): Promise<void> {
    const slices = new Map<string, EndpointSlice>();
    let version: string;
    let rest = '';
    do {
      const path = `${this.#path}&limit=${PART}${rest === '' ? '' : `&continue=${encodeURIComponent(rest)}`}`;
      const { metadata, items } = fieldsOf(await client.json({ method: 'GET', path, signal }, ANSWER_MS));
      const { resourceVersion, continue: next } = fieldsOf(metadata);
      if (typeof resourceVersion !== 'string') throw new DiscoveryError('the answer is not that of a Kubernetes API server');
      for (const item of Array.isArray(items) ? items : []) {
        const slice = fieldsOf(item) as EndpointSlice;
        slices.set(nameOf(slice), slice);
      }
      version = resourceVersion;
      rest = typeof next === 'string' ? next : '';
    } while (rest !== '');
    this.#slices = slices;
    this.version = version;
    this.#tell();
  }

  async watch(client: HttpClient, signal: AbortSignal): Promise<void> {
    const path = `${this.#path}&watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${encodeURIComponent(this.version!)}`;
    for await (const line of client.lines({ method: 'GET', path, signal }, ANSWER_MS)) {
      const { type, object } = fieldsOf(line);
      if (type === 'ERROR') {
        const { code, message } = fieldsOf(object);
        throw new DiscoveryError(`the watch was ended: ${shownText(message)}`, Number(code));
      }
      const slice = fieldsOf(object) as EndpointSlice;
      const version = slice.metadata?.resourceVersion;
      if (type === 'DELETED') this.#slices.delete(nameOf(slice));
      else if (type !== 'BOOKMARK') this.#slices.set(nameOf(slice), slice);
      if (typeof version === 'string') this.version = version;
      if (type !== 'BOOKMARK') this.#tell();
    }
  }

  #tell(): void {
    this.#observer.answered(answerOf(this.#slices.values()));
  }
}

function nameOf({ metadata }: EndpointSlice): string {
  return JSON.stringify(metadata?.name);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

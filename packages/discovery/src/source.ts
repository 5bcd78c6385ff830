import type { Entry } from './entry.js';
import type { SourceSettings } from './settings/index.js';

/** All that a source knows of a table's targets. */
export interface Answer {
  readonly entries: readonly Entry[];
  /** Entries that are not valid, and why: a sentence each. They are not among the entries. */
  readonly problems: readonly string[];
}

/** Whom a source tells what it finds. */
export interface Observer {
  /** Called with the first answer, and whenever it may have changed. */
  readonly answered: (answer: Answer) => void;
  /** Called with why the source cannot be asked now, and with nothing when it can again. What was answered last stays. */
  readonly failed: (problem: string | undefined) => void;
}

/** Follows what a source says until `stopped`. Never rejects: failures are told, and tried again. */
export type Source = (observer: Observer, stopped: AbortSignal) => Promise<void>;

/** Each source is loaded only when a table uses it. */
export async function openSource(settings: SourceSettings): Promise<Source> {
  switch (settings.kind) {
    case 'dns':
      return (await import('./dns/dns.js')).dnsSource(settings);
    case 'etcd':
      return (await import('./etcd/etcd.js')).etcdSource(settings);
    case 'kubernetes':
      return (await import('./kubernetes/kubernetes.js')).kubernetesSource(settings);
  }
}

/** What a source is called in messages. */
export function nameOfSource(settings: SourceSettings): string {
  switch (settings.kind) {
    case 'dns':
      return `DNS ${settings.name} ${settings.type}`;
    case 'etcd':
      return `etcd ${settings.prefix}`;
    case 'kubernetes':
      return `Kubernetes ${settings.namespace}/${settings.service}`;
  }
}

import type { SourceSettings } from './settings/index.js';
import type { Source } from './source.js';

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

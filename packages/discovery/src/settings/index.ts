// `discover` and `fwmarks` in configuration files. Loads zod, but none of the sources.

export { type EtcdKey, isEtcdUrl, parseEtcdUrl } from './etcd-url.js';
export { DISCOVERY_KEYS, discoverSchema, fwmarksSchema } from './schema.js';
export type { DnsSettings, EtcdAccess, EtcdSettings, FwmarkRange, KubernetesSettings, SourceSettings } from './source-settings.js';

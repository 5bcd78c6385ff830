import { nearestName } from './nearest-name.js';

/** Names of options or commands by the words that people may know them by. */
export type Synonyms = Readonly<Record<string, readonly string[]>>;

/** What options are called by iptables, ip and other load balancers, or by another command of nfqlb. */
export const OPTION_SYNONYMS: Synonyms = {
  // Tables and targets.
  table: ['shm', 'tshm', 'target'],
  name: ['shm', 'tshm'],
  shm: ['tshm'],
  tshm: ['shm'],
  tier: ['lbshm'],
  buckets: ['M', 'ft_size'],
  size: ['M', 'ft_size'],
  slots: ['N'],
  'max-targets': ['N'],
  slot: ['index'],
  mark: ['ownfw', 'notargets_fwmark'],
  'own-fwmark': ['ownfw'],
  hash: ['hash_mode', 'permutation'],

  // Flows and packets.
  priority: ['prio'],
  preference: ['prio'],
  order: ['prio'],
  port: ['dports', 'dport'],
  ports: ['dports', 'dport'],
  dport: ['dports'],
  'dst-port': ['dports', 'dport'],
  'destination-port': ['dports', 'dport'],
  'destination-ports': ['dports', 'dport'],
  'src-port': ['sports', 'sport'],
  'source-port': ['sports', 'sport'],
  'source-ports': ['sports', 'sport'],
  to: ['dsts', 'dst'],
  dest: ['dsts', 'dst'],
  destination: ['dsts', 'dst'],
  destinations: ['dsts'],
  daddr: ['dsts', 'dst'],
  from: ['srcs', 'src'],
  source: ['srcs', 'src'],
  sources: ['srcs'],
  saddr: ['srcs', 'src'],
  service: ['vip', 'dsts', 'dst'],
  address: ['vip', 'dsts', 'dst'],
  ip: ['vip', 'dsts', 'dst'],
  'virtual-address': ['vip'],
  protocol: ['protocols', 'proto'],
  proto: ['protocols'],
  'in-interface': ['iif'],
  interface: ['iif'],

  // Load balancing.
  'queue-num': ['queue'],
  'queue-number': ['queue'],
  'queue-balance': ['queue'],
  queues: ['queue'],
  'queue-length': ['qlength'],
  'queue-maxlen': ['qlength'],
  threads: ['queue'],
  workers: ['queue'],
  timeout: ['ft_ttl'],
  ttl: ['ft_ttl'],
  prometheus: ['metrics'],
  listen: ['metrics', 'trace_address'],
  'no-targets': ['notargets_fwmark'],
  'no-flow': ['nolb_fwmark'],
  configuration: ['config'],
  file: ['config', 'write'],

  // Setting up, and output.
  nat: ['mode'],
  dsr: ['mode'],
  snat: ['keep-source'],
  masquerade: ['keep-source'],
  simulate: ['dry-run'],
  'no-act': ['dry-run'],
  follow: ['watch'],
  filter: ['selection'],
  output: ['json', 'write'],
  format: ['json', 'log-format'],
  pcap: ['write'],
  limit: ['count'],
  lines: ['count'],
  delay: ['interval'],
  period: ['interval'],
};

/** The names that `given` probably meant: those of a synonym, otherwise the nearest; none if nothing is close. */
export function likelyNames(given: string, names: readonly string[], synonyms: Synonyms): string[] {
  const word = given.toLowerCase().replaceAll('_', '-');
  const meant = (Object.hasOwn(synonyms, word) ? synonyms[word]! : []).filter((name) => names.includes(name));
  if (meant.length > 0) return meant;
  const nearest = nearestName(given, names);
  return nearest === undefined ? [] : [nearest];
}

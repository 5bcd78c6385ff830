import { list, oneOf, type ValueParser } from '@nfqlb/options';
import type { Datagrams, Scenario } from './scenario.js';

const DATAGRAMS: Datagrams = { kind: 'datagrams', packetsEach: 1, sourceAddresses: 10, sourcePorts: 100, send: { length: 64 } };

const withFlows = (flows: number): Scenario => ({
  name: `flows-${flows}`,
  title: `UDP in IP packets of 64 octets, \`flowlb\` with ${flows === 1 ? 'one flow' : `${flows.toLocaleString('en')} flows`}`,
  families: [4],
  site: { flows },
  traffic: DATAGRAMS,
});

/** All scenarios, in the order in which they are measured and reported. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'udp64',
    title: 'UDP in IP packets of 64 octets, 1,000 connections, one queue',
    families: [4],
    site: {},
    traffic: DATAGRAMS,
  },
  {
    name: 'udp64-ipv6',
    title: 'the same over IPv6',
    families: [6],
    site: {},
    traffic: DATAGRAMS,
  },
  {
    name: 'udp1400',
    title: 'UDP in IP packets of 1,400 octets, 1,000 connections, one queue',
    families: [4],
    site: {},
    traffic: { ...DATAGRAMS, send: { length: 1400 } },
  },
  {
    name: 'sources',
    title: 'UDP in IP packets of 64 octets, 100,000 connections of 1,000 addresses, two queues',
    families: [4],
    site: { queues: 2 },
    traffic: { ...DATAGRAMS, sourceAddresses: 1000 },
  },
  {
    name: 'fragments',
    title: 'UDP datagrams of 128 octets in two fragments each, counted in fragments, one queue',
    families: [4],
    site: { fragments: true },
    traffic: { ...DATAGRAMS, packetsEach: 2, send: { length: 128, fragmentOctets: 56 } },
  },
  {
    name: 'tcp-bulk',
    title: 'one TCP connection that sends all it can; devices join its packets (GRO, GSO, TSO)',
    families: [4],
    site: { offload: true },
    traffic: { kind: 'bulk' },
  },
  {
    name: 'tcp-bulk-plain',
    title: 'the same without offloads: each packet of 1,500 octets comes alone',
    families: [4],
    site: {},
    traffic: { kind: 'bulk' },
  },
  {
    name: 'tcp-short',
    title: 'TCP connections of one request and one answer, 64 at a time',
    families: [4],
    site: {},
    traffic: { kind: 'connections' },
  },
  withFlows(1),
  withFlows(1000),
  { ...withFlows(2000), goal: { timesC: 4 } },
  withFlows(10_000),
  {
    name: 'transition',
    title: 'UDP in IP packets of 64 octets, with a table at rest, and with one of which a tenth of the buckets is in transition',
    families: [4],
    site: { transition: true },
    traffic: DATAGRAMS,
  },
];

/** For `--scenario`. */
export const scenarioNames: ValueParser<string[]> = list(oneOf(...SCENARIOS.map(({ name }) => name)));

/** @throws RangeError if there is none of that name */
export function scenario(name: string): Scenario {
  const found = SCENARIOS.find((one) => one.name === name);
  if (!found) throw new RangeError(`${name}: no such scenario; there are ${SCENARIOS.map((one) => one.name).join(', ')}`);
  return found;
}

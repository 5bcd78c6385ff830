import { Resolver } from 'node:dns/promises';
import { type Entry, EntryProblem, orderedAddresses } from '../entry.js';
import { DiscoveryError } from '../http/problem.js';
import type { DnsSettings } from '../settings/index.js';
import type { Answer } from '../source.js';

/** What DNS says, and for how long. */
export interface DnsAnswer extends Answer {
  /** The lowest of all, in seconds. */
  readonly ttl: number;
}

/** For one try of one server, in milliseconds, and how many tries: an answer that does not come must not be waited for longer than others live. */
const TIMEOUT_MS = 1000;
const TRIES = 2;

/** Node does not tell the TTL of SRV records: they are asked for again when the addresses of their hosts are, and at least this often, in seconds. */
const SRV_TTL = 30;

/**
 * Asks once.
 *
 * @throws {@link DiscoveryError} when there is no answer, or an empty one: then the last one is better
 */
export async function lookUp({ name, type, servers }: DnsSettings, stopped: AbortSignal): Promise<DnsAnswer> {
  // A new one each time: it reads /etc/resolv.conf only once.
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers(servers);
  const cancel = (): void => resolver.cancel();
  stopped.addEventListener('abort', cancel);
  try {
    return type === 'SRV' ? await services(resolver, name) : await addressesOf(resolver, name, type);
  } finally {
    stopped.removeEventListener('abort', cancel);
  }
}

/** RFC 2181 §8: a greater one counts as 0. */
const MAX_TTL = 2 ** 31 - 1;

interface Address {
  readonly address: string;
  readonly ttl: number;
}

async function addressesOf(resolver: Resolver, name: string, type: 'A' | 'AAAA'): Promise<DnsAnswer> {
  const found = await addresses(resolver, name, type);
  if (found.length === 0) throw new DiscoveryError(`${name} has no ${type} records`);
  const all = found.map(({ address }) => entriesFor(address, [address], 1));
  return { entries: all.flatMap(({ entries }) => entries), problems: all.flatMap(({ problems }) => problems), ttl: lowest(found) };
}

/** RFC 2782. The port is that of the VIP: packets are not changed. */
async function services(resolver: Resolver, name: string): Promise<DnsAnswer> {
  const records = await answerOr(name, 'SRV', () => resolver.resolveSrv(name), []);
  // A single record with the name "." says that there is no such service.
  const offered = records.filter((record) => record.name !== '' && record.name !== '.');
  if (offered.length === 0) throw new DiscoveryError(`${name} has no SRV records`);
  const first = Math.min(...offered.map(({ priority }) => priority));
  const used = offered.filter(({ priority }) => priority === first);
  const hosts = await Promise.all(
    used.map(async (record) => {
      const [four, six] = await Promise.all([addresses(resolver, record.name, 'A'), addresses(resolver, record.name, 'AAAA')]);
      // "Weight 0 … a very small chance of being selected".
      return { host: record.name, weight: Math.max(1, record.weight), four, six };
    }),
  );
  const answers = hosts.map(({ host, weight, four, six }) => {
    if (four.length + six.length === 0) return { entries: [], problems: [`${host} has no addresses`] };
    const texts = [...four, ...six].map(({ address }) => address);
    // One of each family are a host's; of several nobody knows which belong together.
    return four.length <= 1 && six.length <= 1
      ? entriesFor(host, texts, weight)
      : together(texts.map((text) => entriesFor(text, [text], weight)));
  });
  const entries = together(answers);
  if (entries.entries.length === 0) throw new DiscoveryError(`no host of ${name} has an address`);
  return { ...entries, ttl: Math.min(SRV_TTL, lowest(hosts.flatMap(({ four, six }) => [...four, ...six]))) };
}

function together(answers: readonly Answer[]): Answer {
  return { entries: answers.flatMap(({ entries }) => entries), problems: answers.flatMap(({ problems }) => problems) };
}

function entriesFor(name: string, texts: readonly string[], weight: number): Answer {
  try {
    const entry: Entry = { name, addresses: orderedAddresses(texts), weight, drain: false };
    return { entries: [entry], problems: [] };
  } catch (error) {
    if (!(error instanceof EntryProblem)) throw error;
    return { entries: [], problems: [`${name}: ${error.message}`] };
  }
}

function addresses(resolver: Resolver, host: string, type: 'A' | 'AAAA'): Promise<readonly Address[]> {
  return answerOr<readonly Address[]>(
    host,
    type,
    () => (type === 'A' ? resolver.resolve4(host, { ttl: true }) : resolver.resolve6(host, { ttl: true })),
    [],
  );
}

function lowest(found: readonly Address[]): number {
  return Math.min(...found.map(({ ttl }) => (ttl > MAX_TTL ? 0 : ttl)));
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ESERVFAIL: 'the server has failed',
  EREFUSED: 'the server refuses to answer',
  ETIMEOUT: 'no answer',
  ECONNREFUSED: 'no server answers',
  EBADRESP: 'the answer is malformed',
  EFORMERR: 'the server does not understand the question',
  ENOTIMP: 'the server does not know the question',
  ECANCELLED: 'cancelled',
};

/** There being nothing is an answer, too; and a name that cannot be asked for will never have anything: it must not spoil those beside it. */
const NOTHING: ReadonlySet<string> = new Set(['ENODATA', 'ENOTFOUND', 'EBADNAME']);

async function answerOr<T>(name: string, type: string, ask: () => Promise<T>, nothing: T): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (NOTHING.has(code)) return nothing;
    throw new DiscoveryError(`${name} ${type}: ${PROBLEMS[code] ?? message}`);
  }
}

// Any answers of a DNS server, sent over a real socket to Node's resolver: what a naive reader of their records says, or one line that says what is wrong. The
// number and the question are always right: an answer to another question is waited on by the resolver until it is late.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type FuzzInput, type FuzzTarget, isTrue, same } from '@nfqlb/core/testing';
import { parseEntry } from '../entry.js';
import { DiscoveryError } from '../http/problem.js';
import { type DnsAnswer, lookUp } from './look-up.js';

/** RFC 1035 §3.2.2, RFC 3596, RFC 2782. */
const TYPE = { A: 1, CNAME: 5, TXT: 16, AAAA: 28, SRV: 33 } as const;
type Type = keyof typeof TYPE;
const [IN, CHAOS] = [1, 3];

/** RFC 1035 §4.1.1: no error, no such name, and failures. */
const CODES = [0, 0, 0, 0, 3, 1, 2, 4, 5];
const NO_SUCH_NAME = 3;
const HEADER = 12;
const RESPONSE = 0x8180;

const NAME = 'web.test';
/** Octets, and the target's address; nothing for one that cannot be a target's. */
const ADDRESSES: Readonly<Record<'A' | 'AAAA', readonly (readonly [hex: string, text: string])[]>> = {
  A: [
    ['0a000001', '10.0.0.1'],
    ['0a000002', '10.0.0.2'],
    ['c0a80001', '192.168.0.1'],
    ['00000000', ''],
    ['7f000001', ''],
    ['e0000001', ''],
    ['ffffffff', ''],
  ],
  AAAA: [
    ['fd000000000000000000000000000001', 'fd00::1'],
    ['20010db8000000000001000000000000', '2001:db8:0:0:1::'],
    ['00000000000000000000ffff0a000009', '10.0.0.9'],
    ['fe800000000000000000000000000001', ''],
    ['febfffffffffffffffffffffffffffff', ''],
    ['00000000000000000000000000000001', ''],
    ['00000000000000000000ffff7f000001', ''],
    ['ff020000000000000000000000000001', ''],
  ],
};
/** The last three have the highest bit set: they count as 0 (RFC 2181 §8). */
const TTLS = [60, 0, 1, 29, 31, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_ffff];
const HOSTS = [
  ['one', 'test'],
  ['TWO', 'test'],
  ['x'.repeat(63), 'y'.repeat(63), 'z'.repeat(63)],
  ['\x1b[2J\n', 'test'],
  ['a b'],
  ['\xe9'],
  [],
];
const CANNOT_BE_ASKED = /[^\w.-]/;

interface Host {
  readonly labels: readonly string[];
  readonly priority: number;
  readonly weight: number;
}

/** A record, and what it says. */
interface Said {
  readonly type: Type;
  readonly of: number;
  readonly ttl: number;
  readonly data: Buffer;
  readonly address?: string;
  readonly host?: Host;
}

interface Reply {
  readonly code: number;
  readonly records: readonly Said[];
}

const u16 = (...numbers: readonly number[]): Buffer => Buffer.from(numbers.flatMap((one) => [one >> 8, one & 255]));
const u32 = (number: number): Buffer => u16(number >>> 16, number & 0xffff);

/** RFC 1035 §3.1. */
function encodeName(labels: readonly string[]): Buffer {
  return Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), Buffer.from(label, 'latin1')]), Buffer.of(0)]);
}

/** Its owner is the name of the question, by a pointer (§4.1.4). */
function encode({ type, of, ttl, data }: Said): Buffer {
  return Buffer.concat([u16(0xc000 | HEADER, TYPE[type], of), u32(ttl), u16(data.length), data]);
}

/** By name and type of the question, such as `web.test A`; and octets for all others. */
const replies = new Map<string, Reply>();
let others: { readonly code: number; readonly counts: Uint8Array; readonly octets: Uint8Array };

const server = createSocket('udp4', (question, { port, address }) => {
  let end = HEADER;
  const labels: string[] = [];
  for (; question[end]! > 0; end += 1 + question[end]!) labels.push(question.toString('latin1', end + 1, end + 1 + question[end]!));
  const type = Object.entries(TYPE).find(([, number]) => number === question.readUInt16BE(end + 1))![0];
  const asked = question.subarray(HEADER, end + 5);
  const head = (code: number): Buffer => Buffer.concat([question.subarray(0, 2), u16(RESPONSE | code, 1)]);
  const reply = replies.get(nameOf(labels, type));
  const answer = reply
    ? [head(reply.code), u16(reply.records.length, 0, 0), asked, ...reply.records.map(encode)]
    : [head(others.code), others.counts, asked, others.octets];
  server.send(Buffer.concat(answer), port, address);
});
server.bind(0, '127.0.0.1');
await once(server, 'listening');
server.unref();
const servers = [`127.0.0.1:${server.address().port}`];

/** The resolver asks in small letters. */
const nameOf = (labels: readonly string[], type: string): string => `${labels.join('.').toLowerCase()} ${type}`;

function anyRecord(input: FuzzInput, asked: 'A' | 'AAAA' | 'SRV'): Said {
  const type = input.pick<Type>([asked, asked, asked, asked, 'CNAME', 'TXT', 'A', 'AAAA', 'SRV']);
  const [of, ttl] = [input.pick([IN, IN, IN, IN, IN, IN, IN, CHAOS]), input.pick(TTLS)];
  switch (type) {
    case 'A':
    case 'AAAA': {
      const [hex, address] = input.pick(ADDRESSES[type]);
      return { type, of, ttl, data: Buffer.from(hex, 'hex'), address };
    }
    case 'SRV': {
      const host = { labels: input.pick(HOSTS), priority: input.pick([7, 7, 0, 65_535]), weight: input.pick([1, 0, 65_535]) };
      return { type, of, ttl, data: Buffer.concat([u16(host.priority, host.weight, 80), encodeName(host.labels)]), host };
    }
    case 'CNAME':
      return { type, of, ttl, data: encodeName(input.pick(HOSTS)) };
    case 'TXT':
      return { type, of, ttl, data: Buffer.of(3, ...input.bytes(3), 0, 0, 0).subarray(0, 4) };
  }
}

const anyReply = (input: FuzzInput, type: 'A' | 'AAAA' | 'SRV'): Reply => ({
  code: input.pick(CODES),
  records: input.list(4, () => anyRecord(input, type)),
});

/** An IPv6 address that stands for one of IPv4 (RFC 4291 §2.5.5.2) is called by its own name. */
const calledOf = (address: string): string => (address === '10.0.0.9' ? '::ffff:10.0.0.9' : address);

class Failure extends Error {}

/** What a reply says. @throws {@link Failure} when nothing is known */
function recordsOf(name: string, type: Type): readonly Said[] {
  const { code, records } = replies.get(nameOf(name.split('.'), type))!;
  if (code === NO_SUCH_NAME) return [];
  if (code !== 0) throw new Failure();
  return records.filter((record) => record.of === IN);
}

/** Addresses, and how long each may be used: no longer than the alias that led to them. */
function addressesOf(name: string, type: 'A' | 'AAAA'): { readonly address: string; readonly ttl: number }[] {
  const records = recordsOf(name, type);
  const ttlOf = ({ ttl }: Said): number => (ttl >= 2 ** 31 ? 0 : ttl);
  const aliases = records.filter((record) => record.type === 'CNAME').map(ttlOf);
  return records
    .filter((record) => record.type === type)
    .map((record) => ({ address: record.address!, ttl: Math.min(ttlOf(record), ...aliases) }));
}

type Result = { readonly entries: [name: string, addresses: string[], weight: number][]; problems: number; ttl: number };

/** @throws {@link Failure} */
function naive(type: 'A' | 'AAAA' | 'SRV'): Result {
  const result: Result = { entries: [], problems: 0, ttl: Number.POSITIVE_INFINITY };
  const isIpv4 = (text: string): boolean => text.includes('.');
  const add = (name: string, texts: readonly string[], weight: number): void => {
    const [four, six] = [texts.filter(isIpv4), texts.filter((text) => !isIpv4(text))];
    const isTarget = !texts.includes('') && four.length <= 1 && six.length <= 1;
    if (isTarget) result.entries.push([name, [...four, ...six], weight]);
    else result.problems++;
  };
  if (type !== 'SRV') {
    const found = addressesOf(NAME, type);
    if (found.length === 0) throw new Failure();
    for (const { address } of found) add(calledOf(address), [address], 1);
    result.ttl = Math.min(...found.map(({ ttl }) => ttl));
    return result;
  }
  const hosts = recordsOf(NAME, 'SRV').flatMap(({ host }) => (host && host.labels.length > 0 ? [host] : []));
  const first = Math.min(...hosts.map(({ priority }) => priority));
  const ttls = [30];
  const isUsed = hosts.filter(({ priority }) => priority === first);
  const found = isUsed.map(({ labels, weight }) => {
    const name = labels.join('.');
    const [four, six] = CANNOT_BE_ASKED.test(name) ? [[], []] : [addressesOf(name, 'A'), addressesOf(name, 'AAAA')];
    return { name, weight: Math.max(1, weight), four, six };
  });
  for (const { name, weight, four, six } of found) {
    const all = [...four, ...six];
    ttls.push(...all.map(({ ttl }) => ttl));
    if (all.length === 0) result.problems++;
    else if (four.length <= 1 && six.length <= 1) {
      add(
        name,
        all.map(({ address }) => address),
        weight,
      );
    } else for (const { address } of all) add(calledOf(address), [address], weight);
  }
  if (result.entries.length === 0) throw new Failure();
  result.ttl = Math.min(...ttls);
  return result;
}

const isLine = (text: string): boolean => text.length < 1200 && /^[\x20-\x7e]+$/.test(text);

function check({ entries, problems, ttl }: DnsAnswer): void {
  for (const one of entries) {
    isTrue('a name of one line', isLine(one.name), one.name);
    same('the same again', parseEntry(one.name, JSON.stringify({ ...one, address: one.addresses })), one);
  }
  isTrue('targets', entries.length > 0 || problems.length > 0);
  for (const problem of problems) isTrue('a problem of one line', isLine(problem), problem);
  isTrue('a time', Number.isSafeInteger(ttl) && ttl >= 0 && ttl < 2 ** 31, ttl);
}

const target: FuzzTarget = {
  async run(input) {
    const type = input.pick(['A', 'AAAA', 'SRV'] as const);
    replies.clear();
    // Any octets behind the question; with few exceptions, the resolver refuses them.
    const isRaw = input.below(4) === 1;
    if (!isRaw) {
      const reply = anyReply(input, type);
      replies.set(nameOf([NAME], type), reply);
      for (const { host } of reply.records) {
        for (const family of ['A', 'AAAA'] as const) if (host) replies.set(nameOf(host.labels, family), anyReply(input, family));
      }
    }
    others = { code: input.below(16), counts: Uint8Array.from({ length: 6 }, (_, i) => (i % 2) * input.below(4)), octets: input.rest() };
    let answer: DnsAnswer | undefined;
    try {
      answer = await lookUp({ kind: 'dns', name: NAME, type, servers }, new AbortController().signal);
    } catch (error) {
      if (!(error instanceof DiscoveryError)) throw error;
      isTrue('a refusal of one line', isLine(error.message), error.message);
      // On a busy machine, a process may wait for a CPU for longer than the resolver for an answer.
      if (error.message.endsWith('no answer')) return;
    }
    input.note(answer ? 1 + answer.entries.length * 4 + answer.problems.length * 32 : 0);
    if (answer) check(answer);
    if (isRaw) return;
    let expected: Result | undefined;
    try {
      expected = naive(type);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
    const brief = answer && {
      entries: answer.entries.map(({ name, addresses, weight }) => [name, addresses, weight]),
      problems: answer.problems.length,
      ttl: answer.ttl,
    };
    same('what its records say', brief, expected);
  },
};
export default target;

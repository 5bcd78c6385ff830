import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DnsSettings } from '../settings/index.js';
import type { Answer } from '../source.js';
import { a, DnsServer, srv } from '../testing/dns-server.js';
import { dnsSource } from './dns.js';
import { lookUp } from './look-up.js';

let server: DnsServer;
beforeEach(async () => {
  server = await DnsServer.start();
});
afterEach(() => server[Symbol.asyncDispose]());

const never = new AbortController().signal;
const settings = (type: DnsSettings['type'], name = 'web.test'): DnsSettings => ({ kind: 'dns', name, type, servers: [server.address] });
const entry = (name: string, addresses: readonly string[] = [name], weight = 1): object => ({ name, addresses, weight, drain: false });

describe('an answer', () => {
  test('A and AAAA: each address is a target, for the lowest TTL', async () => {
    server.zone = {
      'web.test A': [...a('web.test', 60, '10.0.0.1'), ...a('web.test', 7, '10.0.0.2')],
      'web.test AAAA': a('web.test', 9, 'fd00:0::1'),
    };
    expect(await lookUp(settings('A'), never)).toEqual({ entries: [entry('10.0.0.1'), entry('10.0.0.2')], problems: [], ttl: 7 });
    expect(await lookUp(settings('AAAA'), never)).toEqual({ entries: [entry('fd00::1')], problems: [], ttl: 9 });
    // RFC 2181 §8
    server.zone['web.test A'] = a('web.test', 2 ** 31, '10.0.0.1');
    expect(await lookUp(settings('A'), never)).toMatchObject({ ttl: 0 });
  });

  test('SRV: the hosts of the first priority, with their weights and addresses of both families', async () => {
    server.zone = {
      '_http._tcp.test SRV': srv(
        '_http._tcp.test',
        300,
        [10, 5, 'one.test'],
        [10, 0, 'two.test'],
        [20, 1, 'spare.test'],
        [10, 1, 'none.test'],
      ),
      'one.test A': a('one.test', 60, '10.0.0.1'),
      'one.test AAAA': a('one.test', 20, 'fd00::1'),
      'two.test A': a('two.test', 60, '10.0.0.2', '10.0.0.3'),
      'spare.test A': a('spare.test', 1, '10.0.0.4'),
    };
    expect(await lookUp(settings('SRV', '_http._tcp.test'), never)).toEqual({
      entries: [entry('one.test', ['10.0.0.1', 'fd00::1'], 5), entry('10.0.0.2'), entry('10.0.0.3')],
      problems: ['none.test has no addresses'],
      // Node does not tell the TTL of the SRV records: that of the addresses, and at most 30 s.
      ttl: 20,
    });
    server.zone['one.test AAAA'] = a('one.test', 3600, 'fd00::1');
    expect(await lookUp(settings('SRV', '_http._tcp.test'), never)).toMatchObject({ ttl: 30 });
  });

  test('SRV: a host that cannot be asked for has no addresses, and does not spoil the others', async () => {
    server.zone = {
      'web.test SRV': srv('web.test', 60, [0, 0, 'no\n\x1b[2J.test'], [0, 0, 'one.test']),
      'one.test A': a('one.test', 20, '10.0.0.1'),
    };
    expect(await lookUp(settings('SRV'), never)).toEqual({
      entries: [entry('one.test', ['10.0.0.1'])],
      problems: ['no\\010\\027[2J.test has no addresses'],
      ttl: 20,
    });
  });

  test('none, or an empty one, is a failure', async () => {
    const failure = (type: DnsSettings['type'] = 'A'): Promise<unknown> =>
      lookUp(settings(type), never).then(String, (error: Error) => error.message);
    server.zone = {};
    expect(await failure()).toBe('web.test has no A records');
    server.zone = { 'web.test AAAA': a('web.test', 1, 'fd00::1') };
    expect(await failure()).toBe('web.test has no A records');
    expect(await failure('SRV')).toBe('web.test has no SRV records');
    server.zone = { 'web.test SRV': srv('web.test', 1, [0, 0, 'gone.test']) };
    expect(await failure('SRV')).toBe('no host of web.test has an address');
    server.zone = { 'web.test SRV': srv('web.test', 1, [0, 0, '.']) };
    expect(await failure('SRV')).toBe('web.test has no SRV records');
    server.zone = 'failure';
    expect(await failure()).toBe('web.test A: the server has failed');
    server.zone = 'silence';
    expect(await failure()).toBe('web.test A: no answer');
  });

  test('of a host whose addresses cannot be had now, nothing is known: the whole answer fails', async () => {
    server.zone = {
      'web.test SRV': srv('web.test', 1, [0, 0, 'one.test'], [0, 0, 'two.test']),
      'one.test A': a('one.test', 1, '10.0.0.1'),
    };
    server.failing.add('two.test A');
    await expect(lookUp(settings('SRV'), never)).rejects.toThrow('two.test A: the server has failed');
    server.failing.clear();
    expect(await lookUp(settings('SRV'), never)).toMatchObject({
      entries: [entry('one.test', ['10.0.0.1'])],
      problems: ['two.test has no addresses'],
    });
  });
});

test('is asked for again when its TTL has passed; a failure keeps the last one', async () => {
  const answers: Answer[] = [];
  const failures: (string | undefined)[] = [];
  const stop = new AbortController();
  server.zone = { 'web.test A': a('web.test', 1, '10.0.0.1') };
  const following = dnsSource(settings('A'))(
    { answered: (answer) => answers.push(answer), failed: (problem) => failures.push(problem) },
    stop.signal,
  );
  const addresses = (): unknown => answers.at(-1)?.entries.map((one) => one.name);
  await expect.poll(addresses, { timeout: 10_000 }).toEqual(['10.0.0.1']);
  const begin = performance.now();
  const before = answers.length;
  server.zone = { 'web.test A': a('web.test', 100, '10.0.0.2', '10.0.0.3') };
  await expect.poll(addresses, { timeout: 10_000 }).toEqual(['10.0.0.2', '10.0.0.3']);
  expect(performance.now() - begin).toBeGreaterThan(500);
  expect(answers.length).toBe(before + 1);
  expect(failures.at(-1)).toBeUndefined();
  stop.abort();
  await following;
  expect(server.questions).toHaveLength(answers.length);

  const again = new AbortController();
  const failing = dnsSource(settings('A'))(
    { answered: (answer) => answers.push(answer), failed: (problem) => failures.push(problem) },
    again.signal,
  );
  server.zone = 'failure';
  const count = answers.length;
  await expect.poll(() => failures.at(-1), { timeout: 10_000 }).toBe('web.test A: the server has failed');
  server.zone = { 'web.test A': a('web.test', 100, '10.0.0.4') };
  await expect.poll(addresses, { timeout: 10_000 }).toEqual(['10.0.0.4']);
  expect(answers.length).toBe(count + 1);
  await expect.poll(() => failures.at(-1)).toBeUndefined();
  again.abort();
  await failing;
});

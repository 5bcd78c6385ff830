import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type MemberFacts, ownFacts } from './member-facts.js';
import { TierWatch } from './tier-watch.js';

const facts = (web: number, more: Record<string, number> = {}, version = '1.0.0'): MemberFacts => ({
  version,
  digests: new Map(Object.entries({ 'table web': web, flows: 7, ...more })),
});

const [A, B] = ['http://10.1.0.3:9911', 'http://10.1.0.4:9911'];
let clock: number;
let answers: Record<string, MemberFacts | Error>;
let reports: (readonly string[])[];
let watch: TierWatch;
beforeEach(() => {
  clock = 1000;
  reports = [];
  answers = { [A]: facts(1), [B]: facts(1) };
  watch = new TierWatch({
    own: () => facts(1),
    report: (problems) => reports.push(problems),
    read: async (member) => {
      const answer = answers[member]!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    now: () => clock,
  });
  watch.watch([A, B]);
});
afterEach(() => watch.close());

async function after(seconds: number): Promise<readonly string[]> {
  clock += 1000 * seconds;
  await watch.look();
  return reports.at(-1)!;
}

test('members that are the same are no news', async () => {
  expect(await after(0)).toEqual([]);
  expect(await after(3600)).toEqual([]);
  expect(watch.status()).toEqual([A, B].map((member) => ({ member, silence: '', differences: [], seconds: 3600 })));
});

test('one that differs is shown at once, and reported when it lasts, with the time when it began', async () => {
  await after(0);
  answers[B] = facts(2);
  const before = Date.now();
  expect(await after(5)).toEqual([]);
  expect(watch.status()[1]).toEqual({ member: B, silence: '', differences: ['table web: other targets there'], seconds: 0 });
  expect(await after(9)).toEqual([]);
  const [report] = await after(1);
  const [, date] = /^http:\/\/10\.1\.0\.4:9911 differs since (\S+): table web: other targets there$/.exec(report!)!;
  expect(Math.abs(Date.parse(date!) - before)).toBeLessThan(5000);
  // Other differences are no new beginning, and neither is another wall clock.
  answers[B] = facts(3, { flows: 8 });
  expect((await after(60))[0]).toBe(`${B} differs since ${date}: flows: others there; table web: other targets there`);
  expect(watch.status()[1]!.seconds).toBe(70);
  answers[B] = facts(1);
  expect(await after(1)).toEqual([]);
  expect(watch.status()[1]).toMatchObject({ differences: [], seconds: 0 });
});

test('a member that joins late is silent until then', async () => {
  answers[A] = new Error('connect ECONNREFUSED 10.1.0.3:9911');
  await after(0);
  expect(watch.status()[0]).toMatchObject({ silence: 'connect ECONNREFUSED 10.1.0.3:9911', differences: [] });
  expect((await after(10))[0]).toMatch(/^http:\/\/10\.1\.0\.3:9911 does not answer since \S+: connect ECONNREFUSED 10\.1\.0\.3:9911$/);
  answers[A] = facts(1);
  expect(await after(5)).toEqual([]);
});

test.each<[string, MemberFacts, string[]]>([
  ['another version', facts(1, {}, '2.0.0'), ['it runs version 2.0.0, and this one 1.0.0']],
  ['a table that is only there', facts(1, { 'table dns': 4 }), ['table dns: only there']],
  ['a table that is not there', { version: '1.0.0', digests: new Map([['flows', 7]]) }, ['table web: not there']],
  [
    'an older version, without digests',
    { version: '0.9.0', digests: new Map() },
    ['it runs version 0.9.0, and this one 1.0.0', 'it has no digests: an older version, or nothing is in force yet'],
  ],
])('%s', async (_what, answer, differences) => {
  answers[A] = answer;
  await after(0);
  expect(watch.status()[0]!.differences).toEqual(differences);
});

test('a member that leaves the file is forgotten', async () => {
  answers[A] = new Error('x');
  await after(0);
  expect(await after(20)).toHaveLength(1);
  watch.watch([B]);
  expect(await after(1)).toEqual([]);
  expect(watch.status().map(({ member }) => member)).toEqual([B]);
});

test('what it has itself is compared with what the others publish', () => {
  const status = { version: 'nfqlb-1.0.0', tables: [{ name: 'web', present: true, buckets: 997, targets: 2, digest: 1 }], flowsDigest: 7 };
  expect(ownFacts(status)).toEqual(facts(1));
});

test.each<[string, RequestListener, string | undefined]>([
  [
    'digests',
    (_, response) =>
      response.end(
        'nfqlb_build_info{version="1.0.0",command="run"} 1\nnfqlb_digest{of="table",name="web"} 1\nnfqlb_digest{of="flows",name=""} 7\n',
      ),
    undefined,
  ],
  ['an error', (_, response) => response.writeHead(503).end('it is starting\n'), 'HTTP status 503'],
  ['another program', (_, response) => response.end('<html>'), 'its /metrics are not those of nfqlb'],
  ['a redirection', (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(), 'unexpected redirect'],
  ['a connection that ends', (request) => request.socket.destroy(), 'other side closed'],
])('over HTTP: %s', async (_what, handler, silence) => {
  const server = createServer(handler).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const member = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const real = new TierWatch({ own: () => facts(1), report: () => {} });
  try {
    real.watch([member]);
    await real.look();
    expect(real.status()).toMatchObject([{ member, silence: silence ?? '', differences: [] }]);
  } finally {
    real.close();
    server.close();
    server.closeAllConnections();
  }
});

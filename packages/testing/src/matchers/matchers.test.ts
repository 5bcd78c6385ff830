import { beforeEach, describe, expect, test } from 'vitest';
import { connections, packet, type Site, site } from '../index.js';

const CONFIGURATION = {
  tables: { web: { M: 997, targets: { 101: 1, 102: 1, 103: 2 } }, dns: { M: 97, targets: { 201: 1 } } },
  flows: [
    { name: 'dns', target: 'dns', priority: 1, dports: 53 },
    { name: 'web', target: 'web', dports: 80 },
  ],
};
const clients = (count: number, port = 80) => connections(count, { to: `10.0.0.1:${port}` });
const one = packet().ipv4('10.0.0.9', '10.0.0.1').tcp(4711, 80);

/** What a failing expectation says. */
function failure(check: () => void): string {
  try {
    check();
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

let web: Site;
beforeEach(async () => {
  web = await site(CONFIGURATION, { world: 'simulated' });
});

describe('toReach', () => {
  test('a target by name, fwmark or address, one of several, or any of a table', async () => {
    const dns = await web.send(clients(10, 53));
    for (const name of ['dns-1', 201, '201', 'dns'] as const) expect(dns).toReach(name);
    const all = await web.send(clients(100));
    expect(all).toReach('web-1', 102, 'web-3');
    expect(all).toReach('web');
    expect(failure(() => expect(all).toReach('web-1', 'web-2'))).toMatch(
      /^expected 100 packets to reach web-1 or web-2, but \d\d did not:\n/,
    );
    expect(failure(() => expect(all).toReach('web-4'))).toBe(
      'there is no target or table web-4; there are web, dns, web-1, web-2, web-3, dns-1',
    );
  });

  test('explains the first packets as nfqlb explain does', async () => {
    const sent = await web.send([one, one, one, one]);
    // djb2 over the key, as in `nfqlb explain`: an independent implementation made this number.
    expect(failure(() => expect(sent).toReach('dns'))).toBe(
      [
        'expected 4 packets to reach dns, but 4 did not:',
        '  packet 1, tcp 10.0.0.9:4711 -> 10.0.0.1:80: reached web-3 (fwmark 103)',
        `    load balancer 1: balanced: flow web, table web, hash ${djb2(one.build())} mod 997 = bucket ${Number(djb2(one.build())) % 997} -> fwmark 103`,
        ...[2, 3].flatMap((number) => [
          `  packet ${number}, tcp 10.0.0.9:4711 -> 10.0.0.1:80: reached web-3 (fwmark 103), the one before it web-3`,
          `    load balancer 1: balanced: flow web, table web, hash ${djb2(one.build())} mod 997 = bucket ${Number(djb2(one.build())) % 997} -> fwmark 103`,
        ]),
        '  and 1 more',
      ].join('\n'),
    );
  });

  test('with not: none of them does', async () => {
    const all = await web.send(clients(100));
    expect(all).not.toReach('dns');
    // Some do, and some do not: neither holds.
    expect(failure(() => expect(all).not.toReach('web-1'))).toMatch(/^expected 100 packets not to reach web-1, but \d\d did:\n/);
    expect(failure(() => expect(all).toReach('web-1'))).not.toBe('none');
  });

  test('toReachNoTarget: dropped', async () => {
    const other = await web.send(clients(5, 22));
    expect(other).toReachNoTarget();
    expect(failure(() => expect(other).toReach('web'))).toContain(
      ':22: reached no target\n    load balancer 1: dropped: no flow matches\n',
    );
    expect(await web.send(clients(5))).not.toReachNoTarget();
    expect(failure(() => expect(other).not.toReachNoTarget())).toMatch(/^expected 5 packets not to reach no target, but 5 did:/);
  });
});

describe('toKeepTheirTarget', () => {
  test('all, those of targets that stay, or a share of them', async () => {
    const all = clients(1000);
    const before = await web.send(all);
    await web.lose('web-1');
    const after = await web.send(all);
    const of = (name: string): number => before.targets.filter((target) => target === name).length;
    const moved = before.targets.filter((target, i) => target !== 'web-1' && after.targets[i] !== target).length;
    expect([of('web-1') > 200, moved > 0, moved < 150]).toEqual([true, true, true]);
    const kept = 1 - (of('web-1') + moved) / 1000;
    expect(after).toKeepTheirTarget({ atLeast: kept });
    expect(after).not.toKeepTheirTarget({ atLeast: kept + 0.001 });
    const others = 1 - moved / (1000 - of('web-1'));
    expect(after).toKeepTheirTarget({ except: 'removed', atLeast: others });
    expect(failure(() => expect(after).toKeepTheirTarget({ except: 'removed' }))).toMatch(
      new RegExp(
        `^expected all of ${1000 - of('web-1')} connections to keep their target, except those of removed targets; ${(others * 100).toFixed(1)}% did, ${moved} did not:\n  packet \\d+, tcp .*: reached web-\\d .*, the one before it web-\\d\n`,
      ),
    );
    // From now on, the new target is theirs.
    expect(await web.send(all)).toKeepTheirTarget();
  });

  test('all with a drain', async () => {
    const drained = { ...CONFIGURATION, tables: { ...CONFIGURATION.tables, web: { ...CONFIGURATION.tables.web, drain: 60 } } };
    const slow = await site(drained, { world: 'simulated' });
    const all = clients(500);
    await slow.send(all);
    await slow.drain('web-1');
    expect(await slow.send(all)).toKeepTheirTarget();
    expect(await slow.send(connections(500, { to: '10.0.0.1:80', from: '10.1.0.1' }))).not.toReach('web-1');
    // One that dies keeps none of its connections, and the others keep theirs.
    await slow.lose('web-2');
    const after = await slow.send(all);
    expect(after).not.toReach('web-2');
    expect(after).toKeepTheirTarget({ except: 'removed' });
    // Longer than remembered connections may be silent (--drain-idle).
    await slow.wait(301);
    expect(await slow.send(all)).not.toKeepTheirTarget();
    expect(slow).not.toBreakNoConnection();
  });

  test('says so if there is nothing to judge', async () => {
    const all = await web.send(clients(10));
    expect(failure(() => expect(all).toKeepTheirTarget())).toBe(
      'toKeepTheirTarget: none of these packets is of a connection that was seen before: send some earlier, too',
    );
    expect(failure(() => expect(all).not.toKeepTheirTarget())).toContain('seen before');
    const nothing = await web.send([]);
    expect(failure(() => expect(nothing).not.toReach('web'))).toBe('toReach: no packets were sent');
    expect(failure(() => expect(3).toReach('web'))).toBe('toReach: must be called with what site.send() resolves to');
    expect(failure(() => expect(web).toKeepTheirTarget({ atLeast: 95 }))).toContain('what site.send() resolves to');
    expect(failure(() => expect(all).toKeepTheirTarget({ atLeast: 95 }))).toContain('atLeast 95: must be a share from 0 to 1');
  });
});

describe('toBreakNoConnection', () => {
  test('since the site began, or of some packets', async () => {
    expect(failure(() => expect(web).toBreakNoConnection())).toContain('no connection has been seen');
    const all = clients(300);
    await web.send(all);
    expect(await web.send(all)).toBreakNoConnection();
    await web.lose('web-3');
    expect(await web.send(all)).not.toBreakNoConnection();
    expect(failure(() => expect(web).toBreakNoConnection())).toMatch(/^expected none of 300 connections to break; 1\d\d did:\n/);
  });

  test('not one that begins anew', async () => {
    const all = clients(300);
    await web.send(all);
    await web.send(all.end());
    await web.lose('web-3');
    await web.send(all);
    expect(web).toBreakNoConnection();
  });
});

describe('toBalanceWithin', () => {
  test('by weight, of each table', async () => {
    const all = await web.send(clients(5000));
    expect(all).toBalanceWithin(0.1);
    expect(all).toBalanceWithin(0.1, { of: 'web' });
    const count = all.targets.filter((target) => target === 'web-3').length;
    expect(failure(() => expect(all).toBalanceWithin(0.0001))).toMatch(
      new RegExp(
        `^expected each target's share of connections within 0.0% of the ideal:\n.*\n.*\n  . web-3: ${count}, ${(count / 50).toFixed(1)}%; ideal 50.0%; `,
      ),
    );
  });

  test('not where one target gets too much', async () => {
    await web.weigh({ 'web-1': 6 });
    const all = await web.send(clients(2000));
    expect(all).toBalanceWithin(0.2);
    await web.weigh({ 'web-1': 1 });
    // The shares are those of the targets as they are when the packets are sent.
    expect(all).toBalanceWithin(0.2);
    expect(failure(() => expect(all).toBalanceWithin(0.2, { of: 'wbe' }))).toContain('there is no table wbe; there are web, dns');
    expect(failure(() => expect(all).toBalanceWithin(0))).toContain('must be more than 0');
    const same = await web.send(Array.from({ length: 100 }, () => one));
    expect(same).not.toBalanceWithin(0.5);
  });
});

/** The hash of an IPv4 packet without options, in hex: djb2 over the 40 octets of the key that core/src/key/packet-key.ts draws. */
function djb2(bytes: Uint8Array): string {
  const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
  const key = [...mapped, ...bytes.slice(12, 16), ...mapped, ...bytes.slice(16, 20), 0, 0, bytes[9]!, 0, ...bytes.slice(20, 24)];
  const hash = key.reduce((sum, octet) => (BigInt(sum) * 33n + BigInt(octet)) & 0xffffffffn, 5381n);
  return `0x${hash.toString(16).padStart(8, '0')}`;
}

// Targets in etcd, with real members, and what may happen to these.

import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Authority } from './authority.js';
import { BadNetwork } from './bad-network.js';
import { ETCD, EtcdCtl, EtcdMember } from './etcd-member.js';
import { Follower } from './follower.js';

/** Loopback addresses that no other process of these tests uses. */
const address = (number: number): string => `127.${(process.pid >> 8) & 255}.${process.pid & 255}.${number}`;
const PREFIX = '/nfqlb/web/';
const SOON = { timeout: 20_000, interval: 20 };

const etcd = (endpoints: readonly string[], more: object = {}) => ({ kind: 'etcd', endpoints, prefix: PREFIX, ...more }) as const;
const target = (host: number, more: object = {}): object => ({ address: `192.168.1.${host}`, ...more });
const hosts = (...numbers: readonly number[]): string[] => numbers.map((number) => `192.168.1.${number}`);

describeLive(
  'etcd with three members',
  () => {
    const addresses = new Map([1, 2, 3].map((number) => [`m${number}`, address(number)]));
    let members: EtcdMember[];
    let ctl: EtcdCtl;
    beforeAll(async () => {
      members = [...addresses].map(([name, at]) => new EtcdMember({ name, address: at, cluster: addresses }));
      await Promise.all(members.map((member) => member.start()));
      ctl = new EtcdCtl(members.map(({ url }) => url));
    });
    afterAll(() => Promise.all(members.map((member) => member[Symbol.asyncDispose]())));

    test('targets come, change and go, also with their lease, and what is not valid is left out', async () => {
      await ctl.change({
        [`${PREFIX}a`]: '{"address": "192.168.1.1", "weight": 2}',
        [`${PREFIX}b`]: '{"address": "192.168.1.2"}',
        '/other': '{}',
      });
      await using follower = new Follower(etcd(members.map(({ url }) => url)));
      await expect
        .poll(() => follower.answer, SOON)
        .toEqual({
          entries: [
            { name: '/nfqlb/web/a', addresses: ['192.168.1.1'], weight: 2, drain: false },
            { name: '/nfqlb/web/b', addresses: ['192.168.1.2'], weight: 1, drain: false },
          ],
          problems: [],
        });
      const lease = /lease (\w+) granted/.exec(await ctl.run('lease', 'grant', '2'))![1]!;
      await ctl.put(`${PREFIX}leased`, target(3), `--lease=${lease}`);
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1, 2, 3));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1, 2));

      // A transaction is one change.
      const before = follower.answers;
      await ctl.change({
        [`${PREFIX}a`]: undefined,
        [`${PREFIX}b`]: '{"address": ["fd00::2", "192.168.1.2"], "drain": true}',
        [`${PREFIX}c`]: '{"address": "192.168.1.4"}',
      });
      await expect.poll(() => follower.addresses, SOON).toEqual(['192.168.1.2', '192.168.1.4', 'fd00::2']);
      expect(follower.answers).toBe(before + 1);
      expect(follower.answer!.entries[0]).toMatchObject({ addresses: ['192.168.1.2', 'fd00::2'], drain: true });

      for (const [value, problem] of [
        ['192.168.1.4', 'must be JSON such as {"address": "192.168.1.101"}'],
        ['[]', 'must be a JSON object with an address'],
        ['{}', 'address: must be an address such as 192.168.1.1 or 2001:db8::1, or a list of one of each family'],
        ['{"address": "192.168.1.256"}', 'address: must be an address such as 192.168.1.1 or 2001:db8::1'],
        ['{"address": ["192.168.1.4", "192.168.1.5"]}', 'address: there are two IPv4 addresses; a target has one'],
        ['{"address": "192.168.1.4", "weight": 1.5}', 'weight: must be a whole number from 0 to 65535'],
        ['{"address": "192.168.1.4", "drain": "yes"}', 'drain: must be true or false'],
      ] as const) {
        await ctl.put(`${PREFIX}c`, value);
        await expect.poll(() => follower.answer!.problems, SOON).toEqual([`/nfqlb/web/c: ${problem}`]);
        expect(follower.addresses).toEqual(['192.168.1.2', 'fd00::2']);
      }
      // What a later version may write is no reason to lose a target.
      await ctl.put(`${PREFIX}c`, target(4, { zone: 'a' }));
      await expect.poll(() => follower.answer!.problems, SOON).toEqual([]);
      expect(follower.failures).toEqual([]);
      await ctl.run('del', '--prefix', PREFIX);
      await expect.poll(() => follower.addresses, SOON).toEqual([]);
    });

    test('members that are killed', async () => {
      await ctl.put(`${PREFIX}a`, target(1));
      await using follower = new Follower(etcd(members.map(({ url }) => url)));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1));
      // One after the other: whichever it watches at, another takes its place, and nobody is told.
      for (const [i, member] of members.entries()) {
        await member.kill();
        await ctl.put(`${PREFIX}a`, target(10 + i));
        await expect.poll(() => follower.addresses, SOON).toEqual(hosts(10 + i));
        await member.start();
      }
      expect(follower.failures).toEqual([]);

      await Promise.all(members.map((member) => member.kill()));
      const refused = members.map(({ url }) => `${url}: connection refused`).join('; ');
      await expect.poll(() => follower.failure, SOON).toBe(refused);
      expect(follower.addresses).toEqual(hosts(12));
      // One of three is too few to be sure of anything.
      await members[0]!.process.exited;
      await Promise.all(members.slice(0, 2).map((member) => member.start()));
      await ctl.put(`${PREFIX}b`, target(2));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(12, 2));
      await expect.poll(() => follower.failure, SOON).toBeUndefined();
      await members[2]!.start();
    });
  },
  undefined,
  ETCD,
);

describeLive(
  'etcd behind a bad network',
  () => {
    let member: EtcdMember;
    let ctl: EtcdCtl;
    beforeAll(async () => {
      member = new EtcdMember({ name: 'm', address: address(4) });
      await member.start();
      ctl = new EtcdCtl([member.url]);
    });
    afterAll(() => member[Symbol.asyncDispose]());

    test('changes that were missed arrive, also if etcd has compacted them', async () => {
      await ctl.change({ [`${PREFIX}a`]: '{"address": "192.168.1.1"}', [`${PREFIX}b`]: '{"address": "192.168.1.2"}' });
      await using network = await BadNetwork.start(member.url);
      await using follower = new Follower(etcd([network.url]));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1, 2));

      // By their revision: nothing is listed again, so that each change is told.
      network.cut();
      await expect.poll(() => follower.failure, SOON).toBe(`${network.url}: the connection was closed`);
      const before = follower.answers;
      await ctl.delete(`${PREFIX}a`);
      await ctl.put(`${PREFIX}c`, target(3));
      network.restore();
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(2, 3));
      expect(follower.answers - before).toBe(1);
      await expect.poll(() => follower.failure, SOON).toBeUndefined();

      network.cut();
      await expect.poll(() => follower.failure, SOON).toBeDefined();
      await ctl.delete(`${PREFIX}b`);
      await ctl.run('compact', String(await ctl.put(`${PREFIX}d`, target(4))));
      network.restore();
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(3, 4));
      await expect.poll(() => follower.failure, SOON).toBeUndefined();
    });

    test('a network that loses everything, and one that is too slow for the watch', async () => {
      await ctl.run('del', '--prefix', PREFIX);
      await ctl.put(`${PREFIX}a`, target(1));
      await using network = await BadNetwork.start(member.url);
      await using follower = new Follower(etcd([network.url]));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1));
      network.silence();
      await ctl.put(`${PREFIX}b`, target(2));
      await expect.poll(() => follower.failure, SOON).toBe(`${network.url}: no answer within 2 s`);
      expect(follower.addresses).toEqual(hosts(1));
      network.restore();
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1, 2));
      await expect.poll(() => follower.failure, SOON).toBeUndefined();

      // The watch brings nothing, but the member answers: what is missing is noticed, and listed.
      const { length } = follower.failures;
      network.stallWatches();
      await ctl.delete(`${PREFIX}a`);
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(2));
      expect(follower.failures.slice(length)).toEqual([`${network.url}: a watch has brought nothing of what has changed`]);
      await expect.poll(() => follower.failure, SOON).toBeUndefined();
    });

    test('another cluster in its place, as after the restore of a backup', async () => {
      await ctl.run('del', '--prefix', PREFIX);
      for (let i = 1; i <= 3; i++) await ctl.put(`${PREFIX}a`, target(i));
      await using follower = new Follower(etcd([member.url]));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(3));
      await member.forget();
      await member.start();
      // Its revision is below the one that is known.
      await ctl.put(`${PREFIX}b`, target(9));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(9));
      await expect.poll(() => follower.failure, SOON).toBeUndefined();
    });
  },
  undefined,
  ETCD,
);

describeLive(
  'etcd with TLS and users',
  () => {
    /** A new authority, and certificates for a server, which have expired if `days` is negative, and for a client. */
    async function certify(authority: Authority, days = 2): Promise<void> {
      await authority.renew();
      await authority.issue('server', `subjectAltName=IP:${address(5)}`, days);
      await authority.issue('client', 'extendedKeyUsage=clientAuth');
    }

    test('certificates that change, do not fit, or have expired; passwords that are wrong', async () => {
      using authority = new Authority();
      const file = (name: string): string => authority.file(name);
      await certify(authority);
      const tls = [`--cert-file=${file('server.pem')}`, `--key-file=${file('server.key')}`, `--trusted-ca-file=${file('ca.pem')}`];
      await using member = new EtcdMember({ name: 'm', address: address(5), tls: [...tls, '--client-cert-auth'] });
      await member.start();
      const ctl = new EtcdCtl([member.url], [`--cacert=${file('ca.pem')}`, `--cert=${file('client.pem')}`, `--key=${file('client.key')}`]);
      await ctl.put(`${PREFIX}a`, target(1));
      const access = { ca: file('ca.pem'), cert: file('client.pem'), key: file('client.key') };
      {
        await using without = new Follower(etcd([member.url], { ca: file('ca.pem') }));
        await expect.poll(() => without.failure, SOON).toMatch(/: it refuses our certificate$/);
        await using untrusting = new Follower(etcd([member.url], { cert: access.cert, key: access.key }));
        await expect.poll(() => untrusting.failure, SOON).toMatch(/: its certificate is not signed by the CA$/);
        await using missing = new Follower(etcd([member.url], { ...access, ca: file('none.pem') }));
        await expect.poll(() => missing.failure, SOON).toBe(`${file('none.pem')}: no such file`);
      }
      await using follower = new Follower(etcd([member.url], access));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1));

      // All certificates are replaced, authority included; etcd reads its authority only at its start.
      await member.kill();
      await certify(authority);
      await member.start();
      await ctl.put(`${PREFIX}b`, target(2));
      await expect.poll(() => follower.addresses, SOON).toEqual(hosts(1, 2));
      await expect.poll(() => follower.failure, SOON).toBeUndefined();

      await member.kill();
      await certify(authority, -1);
      await member.start();
      await expect.poll(() => follower.failure, SOON).toMatch(/: its certificate has expired, or the clock of this machine is wrong$/);
      await member.kill();
      await certify(authority);
      await member.start();
      await expect.poll(() => follower.failure, SOON).toBeUndefined();

      await ctl.run('user', 'add', 'root', '--new-user-password=secret');
      await ctl.run('user', 'grant-role', 'root', 'root');
      await ctl.run('auth', 'enable');
      await expect.poll(() => follower.failure, SOON).toMatch(/user name is empty|invalid auth token/);
      writeFileSync(file('password'), 'wrong');
      await using user = new Follower(etcd([member.url], { ...access, user: 'root', passwordFile: file('password') }));
      await expect.poll(() => user.failure, SOON).toMatch(/authentication failed, invalid user ID or password/);
      writeFileSync(file('password'), 'secret\n');
      await expect.poll(() => user.addresses, SOON).toEqual(hosts(1, 2));
      await expect.poll(() => user.failure, SOON).toBeUndefined();
    });
  },
  undefined,
  { ...ETCD, openssl: 'openssl' },
);

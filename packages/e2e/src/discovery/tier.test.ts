// `nfqlb run` on three load balancers whose targets, and the configuration of one of them, are in etcd.

import { expect, test } from 'vitest';
import { answering } from '../load-balancer/application.js';
import { httpGet, scrape } from '../load-balancer/http.js';
import { NFQLB } from '../load-balancer/program.js';
import { fwmarks, type ShownTable } from '../load-balancer/shown-table.js';
import { describeLive } from '../testing/describe-live.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { ETCD } from './etcd-member.js';
import { EtcdTier, targetAddress } from './etcd-tier.js';

const METRICS = '127.0.0.1:9911';
const PREFIX = '/nfqlb/targets/';
const CONFIGURATION = '/nfqlb/configuration';
const SOON = { timeout: 20_000 };

/** 10.88.0.1 has the first of 256 fwmarks plus 1. */
const fwmarkOf = (number: number): number => 1000 + number;

describeLive(
  'a tier with targets in etcd',
  () => {
    test('is the same everywhere, goes on without etcd, and says so', async () => {
      await using tier = await EtcdTier.create(4);
      const { net, sites, members, ctl } = tier;
      await using _echo = await EchoServers.start(net);
      const table = (lb: number): string => net.sharedMemory(`web${lb}`);
      const configuration = (lb: number): object => ({
        tables: {
          [table(lb)]: {
            mode: 'dsr',
            vips: [`${net.vip4}/32`],
            drain: 5,
            fwmarks: '1000-1255',
            discover: { etcd: { endpoints: tier.endpoints, prefix: PREFIX } },
          },
        },
        options: { queue: '0:1', metrics: METRICS },
      });
      const put = (number: number, more: object = {}): Promise<number> =>
        ctl.put(`${PREFIX}${number}`, { address: targetAddress(number), ...more });
      const shown = async (lb: number): Promise<unknown> => JSON.parse(await sites[lb - 1]!.run('show', '--json', `--shm=${table(lb)}`));
      const active = async (lb: number): Promise<number[]> =>
        ((await shown(lb)) as { targets: { fwmark: number }[] }).targets.map(({ fwmark }) => fwmark).toSorted();
      const haveTargets = async (lbs: readonly number[], ...targets: readonly number[]): Promise<void> => {
        for (const lb of lbs) await expect.poll(() => active(lb), SOON).toEqual(targets.map(fwmarkOf));
      };
      const healthz = async (lb: number): Promise<string> => (await httpGet(net.lbs[lb - 1]!, `http://${METRICS}/healthz`)).text;
      const isDegraded = async (lb: number): Promise<boolean> =>
        (await scrape(net.lbs[lb - 1]!, METRICS)).has('nfqlb_degraded_seconds{subject="discovery"}');
      const answered = async (...targets: readonly number[]): Promise<void> => {
        const answers = await ask(net, { family: 4, protocol: 'udp', connections: 90, timeout: 5000 });
        expect(answers).toMatchObject({ answered: 90, broken: 0 });
        expect(answering(answers)).toEqual(targets);
      };
      /** The fwmark of each bucket, and not its slot, which decides nothing. */
      const buckets = async (lb: number): Promise<unknown> => fwmarks((await shown(lb)) as ShownTable);

      // The first one starts without etcd, and knows nothing.
      sites[0]!.write(configuration(1));
      await sites[0]!.start();
      expect(await active(1)).toEqual([]);
      expect(await healthz(1)).toMatch(
        new RegExp(
          `^healthy\nwarning: discovery: degraded for \\d+ s: table ${table(1)}: etcd ${PREFIX}: http.*; nothing is known of its targets yet`,
        ),
      );

      await Promise.all(members.map((member) => member.start()));
      await put(1);
      await put(2);
      await haveTargets([1], 1, 2);
      await expect.poll(() => healthz(1), SOON).toBe('healthy\n');
      sites[1]!.write(configuration(2));
      await sites[1]!.start();
      await haveTargets([2], 1, 2);

      // What is not valid is left out; the rest is in force.
      await ctl.put(`${PREFIX}bad`, '{"address": "10.88.0"}');
      await put(3, { weight: 2 });
      await haveTargets([1, 2], 1, 2, 3);
      expect(await healthz(1)).toContain(`${PREFIX}bad: address: must be an address such as 192.168.1.1 or 2001:db8::1: it is left out`);
      await ctl.delete(`${PREFIX}bad`);
      await put(2, { drain: true });
      await haveTargets([1, 2], 1, 3);
      // They come back in another order, and so to other slots than at one that has not seen that.
      await ctl.delete(`${PREFIX}1`);
      await put(2);
      await haveTargets([1, 2], 2, 3);
      await put(1);
      await haveTargets([1, 2], 1, 2, 3);

      // One that joins late, with its configuration in etcd, is like those that were there.
      await ctl.put(CONFIGURATION, configuration(3));
      const hosts = tier.endpoints.map((url) => url.replace('http://', '')).join();
      const config = `--config=etcd://${hosts}${CONFIGURATION}`;
      await sites[2]!.start(config);
      await haveTargets([3], 1, 2, 3);
      const first = await buckets(1);
      expect(new Set(first as number[])).toEqual(new Set([1, 2, 3].map(fwmarkOf)));
      expect(await buckets(2)).toEqual(first);
      expect(await buckets(3)).toEqual(first);
      await answered(1, 2, 3);

      // Cut off together with its own member of etcd, the first goes on with what it knows; the others follow.
      await tier.partition('begin');
      await put(4);
      await haveTargets([2, 3], 1, 2, 3, 4);
      await expect.poll(() => healthz(1), SOON).toMatch(/warning: discovery: degraded for \d+ s: .*; the last answer stays/);
      expect(await isDegraded(1)).toBe(true);
      expect(await healthz(2)).toBe('healthy\n');
      expect(await active(1)).toEqual([1, 2, 3].map(fwmarkOf));
      await answered(1, 2, 3, 4);
      await tier.partition('end');
      await haveTargets([1], 1, 2, 3, 4);
      await expect.poll(() => healthz(1), SOON).toBe('healthy\n');
      expect(await isDegraded(1)).toBe(false);
      expect(sites[0]!.process.stderr).toMatch(/discovery: good again after \d+ s/);

      // A configuration that is broken, or gone.
      await ctl.put(CONFIGURATION, 'tables: 1');
      await expect.poll(() => healthz(3), SOON).toContain(`etcd://${hosts}${CONFIGURATION}:1:9: tables: must be a mapping`);
      await ctl.delete(CONFIGURATION);
      await expect.poll(() => healthz(3), SOON).toMatch(new RegExp(`configuration: degraded for \\d+ s: etcd has no key ${CONFIGURATION}`));
      await ctl.put(CONFIGURATION, configuration(3));
      await expect.poll(() => healthz(3), SOON).toBe('healthy\n');

      // Without any etcd, also those that start again go on with what was known.
      await Promise.all(members.map((member) => member.kill()));
      for (const lb of [1, 2, 3]) await expect.poll(() => healthz(lb), SOON).toContain('warning: discovery: degraded for');
      for (const [site, options] of [
        [sites[0]!, []],
        [sites[2]!, [config]],
      ] as const) {
        await site.process.stop('SIGKILL');
        await site.start(...options);
      }
      await haveTargets([1, 2, 3], 1, 2, 3, 4);
      expect(await healthz(1)).toContain('what was found before stays');
      expect(await healthz(3)).toContain('warning: configuration: degraded for');
      await answered(1, 2, 3, 4);
      await Promise.all(members.map((member) => member.start()));
      await ctl.delete(`${PREFIX}4`);
      await haveTargets([1, 2, 3], 1, 2, 3);
      for (const lb of [1, 2, 3]) await expect.poll(() => healthz(lb), SOON).toBe('healthy\n');
      await answered(1, 2, 3);
    }, 180_000);
  },
  NFQLB,
  ETCD,
);

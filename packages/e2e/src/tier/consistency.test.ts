// Load balancers of a tier compare themselves: one that joins late, and one that has other targets than the others.

import { expect, test } from 'vitest';
import { httpGet, scrape } from '../load-balancer/http.js';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { TierNetwork } from './tier-network.js';

const METRICS_PORT = 9911;

describeLive(
  'members of a tier',
  () => {
    test('say which of them differ, and since when', async () => {
      await using net = await TierNetwork.create();
      const [one, two, three] = net.members as [(typeof net.members)[0], (typeof net.members)[0], (typeof net.members)[0]];
      const addressOf = ({ address }: typeof one): string => `${address}:${METRICS_PORT}`;
      const tier = net.members.map((member) => `http://${addressOf(member)}`);
      const fileOf = (member: typeof one, table?: object): object => {
        return { ...net.configuration(table), tier, options: { metrics: addressOf(member) } };
      };
      /** As the first one sees the others. */
      const seen = async (): Promise<Record<string, string>> => {
        const values = await scrape(one.host, addressOf(one));
        const of = (member: string): string => {
          const up = values.get(`nfqlb_tier_member_up{member="${member}"}`);
          const differs = values.get(`nfqlb_tier_member_differs_seconds{member="${member}"}`)!;
          return up === undefined ? 'unknown' : up === 0 ? 'silent' : differs > 0 ? 'different' : 'same';
        };
        return Object.fromEntries(tier.map((member, i) => [`lb${i + 1}`, of(member)]));
      };
      await Promise.all([one, two].map((member) => member.start(fileOf(member))));
      await expect.poll(seen, { timeout: 20_000 }).toEqual({ lb1: 'same', lb2: 'same', lb3: 'silent' });
      await three.start(fileOf(three));
      await expect.poll(seen, { timeout: 20_000 }).toEqual({ lb1: 'same', lb2: 'same', lb3: 'same' });

      const fewer = (net.configuration() as { tables: { web: { targets: object[] } } }).tables.web.targets.slice(1);
      two.write(fileOf(two, { targets: fewer }));
      await expect.poll(seen, { timeout: 20_000 }).toEqual({ lb1: 'same', lb2: 'different', lb3: 'same' });
      const health = async (): Promise<string> => (await httpGet(one.host, `http://${addressOf(one)}/healthz`)).text;
      const said = new RegExp(
        `tier: degraded for \\d+ s: http://${two.address}:${METRICS_PORT} differs since \\S+Z: table web: other targets there`,
      );
      await expect.poll(health, { timeout: 30_000 }).toMatch(said);
      const doctor = await one.host.run(['sh', '-c', '"$@" doctor || true', 'sh', ...NFQLB.command]);
      expect(doctor).toMatch(/warning +load balancers +the load balancer of queue 2 \(run\): tier: http:\S+ differs since/);

      two.write(fileOf(two));
      await expect.poll(seen, { timeout: 20_000 }).toEqual({ lb1: 'same', lb2: 'same', lb3: 'same' });
      expect(await health()).not.toContain('tier');
    }, 120_000);
  },
  undefined,
  { unshare: 'util-linux' },
);

// `nfqlb run`: one file says what rules, routes, tables, flows and the load balancer are to be.

import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { answering } from '../load-balancer/application.js';
import { httpGet, scrape } from '../load-balancer/http.js';
import { NFQLB } from '../load-balancer/program.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { NAT_PORT, NAT_VIPS, Site, serveNat, targetOf } from './site.js';

const METRICS = '127.0.0.1:9911';
const families = [4, 6] as const;

/** Rules and routes of ours, as the kernel shows them. */
async function shown(net: Topology): Promise<string> {
  const saves = ['iptables-save', 'ip6tables-save'].map((program) => net.lb.run([program]));
  const routes = families.map((family) => net.lb.ip(`-${family} rule show protocol 142`));
  const all = (await Promise.all([...saves, ...routes])).join('\n');
  return all
    .split('\n')
    .filter((line) => /NFQLB|proto 142/.test(line) && !line.startsWith(':'))
    .join('\n');
}

describeLive(
  'one file',
  () => {
    test('brings up DSR and NAT in both families, follows changes under load, and survives what is done to it', async () => {
      await using net = await Topology.create({ targets: 4 });
      await makeBare(net);
      await using _direct = await EchoServers.start(net);
      await using _translated = await serveNat(net);
      const [one, two, three, four] = net.targets as [
        (typeof net.targets)[0],
        (typeof net.targets)[0],
        (typeof net.targets)[0],
        (typeof net.targets)[0],
      ];
      const [web, dns] = [net.sharedMemory('web'), net.sharedMemory('dns')];
      const vips = [`${net.vip4}/32`, `${net.vip6}/128`];
      const translated = {
        mode: 'nat',
        vips: [`${NAT_VIPS[4]}/32`, `${NAT_VIPS[6]}/128`],
        targets: [targetOf(net, three), targetOf(net, four)],
      };
      const direct = (...targets: readonly object[]): object => ({ mode: 'dsr', vips, targets });
      const options = { queue: '0:3', qlength: 16_384, metrics: METRICS };
      await using site = new Site(net);
      site.write({ tables: { [web]: direct(targetOf(net, one), targetOf(net, two)), [dns]: translated }, options });
      await site.start();

      const direction = async (family: 4 | 6): Promise<[number[], number[]]> => {
        const dsr = await ask(net, { family, protocol: 'udp', connections: 40, timeout: 5000 });
        const nat = await ask(net, { family, protocol: 'tcp', connections: 40, to: NAT_VIPS[family], port: NAT_PORT, timeout: 5000 });
        expect([dsr, nat]).toMatchObject([
          { answered: 40, broken: 0 },
          { answered: 40, broken: 0 },
        ]);
        return [answering(dsr), answering(nat)];
      };
      for (const family of families)
        expect(await direction(family)).toEqual([
          [1, 2],
          [3, 4],
        ]);
      const atFirst = await shown(net);

      // Changes under load: targets, weights, flows, VIPs. Each is in force before the next.
      const inForce = async (content: object, show: () => Promise<unknown>, expected: unknown): Promise<void> => {
        site.write({ ...content, options });
        await expect.poll(show, { timeout: 15_000 }).toEqual(expected);
      };
      const active = async (): Promise<unknown> => JSON.parse(await site.run('show', '--json', `--shm=${web}`)).targets;
      {
        await using receiver = await Receiver.start(net, { period: 200 });
        await using sender = await Sender.start(net, { rate: 20_000, sourceAddresses: 10, sourcePorts: 100 });
        const at = (fwmark: number, weight = 1): object => expect.objectContaining({ fwmark, weight });
        const tables = {
          [web]: direct(targetOf(net, one), targetOf(net, two), targetOf(net, three, { weight: 3 })),
          [dns]: { ...translated, targets: [targetOf(net, four)] },
        };
        await inForce({ tables }, active, [at(one.fwmark), at(two.fwmark), at(three.fwmark, 3)]);
        tables[web] = direct(targetOf(net, one), targetOf(net, two, { drain: true }), targetOf(net, three));
        await inForce({ tables }, active, [at(one.fwmark), at(three.fwmark)]);
        const flows = [
          { name: 'five', target: web, priority: 2, dports: 5000 },
          { name: 'rest', target: web, priority: 1 },
        ];
        await inForce({ tables, flows }, async () => JSON.parse(await site.run('flow-list-names')), ['five', 'rest', dns]);
        tables[web] = { ...direct(targetOf(net, one), targetOf(net, three)), vips: [...vips, '10.0.0.3/32'] };
        await inForce({ tables, flows }, async () => (await shown(net)).includes('-d 10.0.0.3/32 -j NFQUEUE'), true);
        await inForce({ tables: { [web]: direct(targetOf(net, one), targetOf(net, two)), [dns]: translated } }, active, [
          at(one.fwmark),
          at(two.fwmark),
        ]);
        const sent = await sender.stop();
        const received = await receiver.finish();
        expect(sent.sent).toBeGreaterThan(20_000);
        expect(received).toMatchObject({ overflows: 0, duplicates: 0 });
        expect(lost(received, sent), `${JSON.stringify(received)}\n${site.process.stderr}`).toBe(0);
        expect(await net.lb.astray()).toBe(0);
      }
      // The ways to former targets and VIPs go when nothing is under way to them.
      await expect.poll(() => shown(net), { timeout: 15_000 }).toBe(atFirst);

      // A file that is broken, empty or gone: what was in force stays, and everybody is told.
      const healthz = async (): Promise<string> => (await httpGet(net.lb, `http://${METRICS}/healthz`)).text;
      const degraded = async (): Promise<boolean> =>
        [...(await scrape(net.lb, METRICS)).keys()].includes('nfqlb_degraded_seconds{subject="configuration"}');
      for (const [spoil, problem] of [
        [() => site.write(`tables: { ${web}: { vips: [10.0.0.1/32], wait: 1 } }`), 'nfqlb.yaml:1:'],
        [() => writeFileSync(site.file, ''), 'nfqlb.yaml:1:1: must be a mapping'],
        [() => rmSync(site.file), 'nfqlb.yaml: no such file or directory'],
      ] as const) {
        spoil();
        await expect
          .poll(healthz, { timeout: 15_000 })
          .toMatch(new RegExp(`^healthy\\nwarning: configuration: degraded for \\d+ s: .*${problem}`));
        expect(await degraded()).toBe(true);
        expect(await direction(4)).toEqual([
          [1, 2],
          [3, 4],
        ]);
      }
      expect(site.process.stderr).toMatch(/nfqlb\.yaml:1:\d+: table \S+ has vips and needs a mode: .*; the last good one stays in force/);
      expect(site.process.stderr).toMatch(/nfqlb\.yaml:1:\d+: unknown key "wait"/);
      site.write({ tables: { [web]: direct(targetOf(net, one), targetOf(net, two)), [dns]: translated }, options });
      await expect.poll(healthz, { timeout: 15_000 }).toBe('healthy\n');
      expect(await degraded()).toBe(false);

      // Rules and routes that somebody else removes come back, with a word in the log.
      for (const family of families) {
        await net.lb.iptables(family, '-t mangle -F');
        await net.lb.ip(`-${family} rule flush`);
        await net.lb.ip(`-${family} rule add priority 32766 table main`);
      }
      await net.lb.ip(`route replace default via ${net.lb.wire('t2').peer.ipv4} table ${1_420_000_000 + one.fwmark} protocol 142`);
      await expect.poll(() => shown(net), { timeout: 15_000 }).toBe(atFirst);
      await expect
        .poll(() => site.process.stderr, { timeout: 15_000 })
        .toContain('somebody else has changed it; now it is as before: missing: iptables -t mangle');
      const { ipv4 } = net.lb.wire('t1').peer;
      await expect.poll(() => net.lb.ip(`route show table ${1_420_000_000 + one.fwmark}`), { timeout: 15_000 }).toContain(`via ${ipv4} `);
      for (const family of families)
        expect(await direction(family)).toEqual([
          [1, 2],
          [3, 4],
        ]);

      // A target whose network has gone does not keep others from being served; when the network is back, it is served again.
      const device = net.lb.wire('t2').own.device;
      await net.lb.ip(`link set ${device} down`);
      await expect.poll(healthz, { timeout: 15_000 }).toMatch(/warning: set-up: degraded for \d+ s: ip -force -4 -batch -: /);
      await net.lb.ip(`link set ${device} up`);
      const { own, peer } = net.lb.wire('t2');
      await net.lb.ip(`address replace ${own.ipv6}/64 dev ${device} nodad`);
      await net.lb.ip(`neighbour replace ${peer.ipv4} lladdr ${peer.mac} dev ${device} nud permanent`);
      await net.lb.ip(`neighbour replace ${peer.ipv6} lladdr ${peer.mac} dev ${device} nud permanent`);
      await expect.poll(healthz, { timeout: 15_000 }).toBe('healthy\n');
      expect(await shown(net)).toBe(atFirst);

      // A target that refuses connections to the VIP is taken out, and gets its share back.
      const health = { type: 'tcp', port: 7, to: 'vip', interval: 1, fall: 2, rise: 1 };
      site.write({ tables: { [web]: { ...direct(targetOf(net, one), targetOf(net, two)), health }, [dns]: translated }, options });
      const refusal = 'INPUT -p tcp --dport 7 -j REJECT --reject-with tcp-reset';
      await two.iptables(4, `-I ${refusal}`);
      await expect.poll(active, { timeout: 15_000 }).toEqual([expect.objectContaining({ fwmark: one.fwmark })]);
      expect(site.process.stderr).toMatch(new RegExp(`table ${web}: target ${two.fwmark} is taken out: .*connection refused`));
      // A report is up to 0.1 s old.
      const sample = `nfqlb_target_state{table="${web}",fwmark="${two.fwmark}",state="down"}`;
      await expect.poll(async () => (await scrape(net.lb, METRICS)).get(sample), { timeout: 15_000 }).toBe(1);
      // What it says of the target, wherever one looks.
      const { ipv4: refuser } = net.lb.wire(two.host).peer;
      const why = `(${refuser}|${net.vip4}): connection refused`;
      const row = new RegExp(`\\n  ${two.fwmark} +down +0:00:\\d\\d +${refuser} \\S+ +${why}\\n`);
      expect(await site.run('run', '--status', `--config=${site.file}`)).toMatch(row);
      expect(await site.run('run', '--status')).toMatch(row);
      const down = expect.objectContaining({ fwmark: two.fwmark, state: 'down', used: false, reason: expect.stringMatching(why) });
      const isDown = expect.objectContaining({ name: web, targets: [expect.objectContaining({ state: 'up' }), down] });
      const status = JSON.parse(await site.run('run', '--status', '--json'));
      expect(status).toMatchObject({ file: site.file, pid: expect.any(Number), tables: expect.arrayContaining([isDown]) });
      expect(await site.run('show', `--shm=${web}`)).toMatch(
        new RegExp(`Health: ${one.fwmark}=up ${two.fwmark}=down\n +${two.fwmark} down for 0:00:\\d\\d: ${why}`),
      );
      expect(JSON.parse(await site.run('show', '--json', `--shm=${web}`)).health.targets).toContainEqual(down);
      expect(JSON.parse(await site.run('top', '--json', '--count=1', '--interval=0.2')).health).toContainEqual(isDown);
      expect((await direction(4))[0]).toEqual([1]);
      await two.iptables(4, `-D ${refusal}`);
      await expect.poll(active, { timeout: 15_000 }).toHaveLength(2);
      site.write({ tables: { [web]: direct(targetOf(net, one), targetOf(net, two)), [dns]: translated }, options });

      // After kill -9 the next one takes over what is there.
      await site.process.stop('SIGKILL');
      await site.start();
      expect(await shown(net)).toBe(atFirst);
      expect(await direction(6)).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(await site.process.stop('SIGTERM', 20_000)).toMatchObject({ status: 0 });
      expect(await shown(net)).toBe(atFirst);
      await site.start('--on-exit=remove');
      expect(await direction(4)).toEqual([
        [1, 2],
        [3, 4],
      ]);
      expect(await site.process.stop('SIGTERM', 20_000)).toMatchObject({ status: 0 });
      expect(await shown(net)).toBe('');
      await expect(site.run('show', `--shm=${web}`)).rejects.toThrow('no such table');
    }, 180_000);

    test('without VIPs leaves rules and routes alone, and mistakes are reported all at once', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using site = new Site(net);
      const web = net.sharedMemory('web');
      const before = await shown(net);
      site.write({ tables: { [web]: { targets: { 101: 1 } } }, flows: [{ name: 'all', target: web }] });
      await site.start('--on-exit=remove');
      expect(await shown(net)).toBe(before);
      await site.process.stop();
      const nobody = /nfqlb run: no nfqlb run of \S+nfqlb\.yaml runs in this network namespace/;
      await expect(site.run('run', '--status', `--config=${site.file}`)).rejects.toThrow(nobody);
      await expect(site.run('run')).rejects.toThrow('nfqlb run: missing option --config');
      // What `up` does for fragments, and for programs on this machine.
      const planned = (options: object): Promise<string> => {
        site.write({ tables: { [web]: { mode: 'dsr', vips: '10.0.0.9/32' } }, options: { queue: '0:3', ...options } });
        return site.run('run', '--dry-run', `--config=${site.file}`);
      };
      const fragments = await planned({ fragment_queue: 3 });
      expect(fragments).toMatch(/-d 10\.0\.0\.9\/32 -m u32 .* -j NFQUEUE --queue-num 3\n-A NFQLB -d \S+ -j NFQUEUE --queue-balance 0:2/);
      expect(fragments).toContain('nfqlb flowlb --queue=0:3 &');
      expect(await planned({ local: true })).toContain('-I OUTPUT -j NFQLB\n');
      await expect(planned({ fragment_queue: 1 })).rejects.toThrow(
        '--fragment_queue=1: must be the first or the last of several queues, such as --queue=0:3; it is 0:3',
      );
      await expect(planned({ local: true, fast: 'eth0' })).rejects.toThrow('--fast: cannot be given together with --local');
      const own = net.lb.wire('t1').own.ipv4;
      site.write(
        `tables:\n  ${web}: { mode: dsr, vips: 10.0.0.1/32, targets: [{ fwmark: 1, address: ${own} }] }\noptions: { queue: -1 }\n`,
      );
      const refused = site.run('run', '--check', `--config=${site.file}`);
      await expect(refused).rejects.toThrow(
        /nfqlb\.yaml:2:\d+: fwmark 1: \S+ is an address of this machine; a target must be another one\nnfqlb run: \S+nfqlb\.yaml:3:19: queue: must be a queue/,
      );
    });
  },
  NFQLB,
);

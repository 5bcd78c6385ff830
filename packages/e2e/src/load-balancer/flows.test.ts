// Many applications behind one `flowlb`, each with its own flows and targets.

import { setTimeout as sleep } from 'node:timers/promises';
import { connections, site } from '@nfqlb/testing';
import { describe, expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { answering, matches, startFlowLb, tableOf } from './application.js';
import { FLOW_ADDRESS, sendToFlowLb } from './flow-commands.js';
import { ManyFlows } from './many-flows.js';
import { NFQLB } from './program.js';

describeLive(
  'flows',
  () => {
    describe.each(['simulated', 'live'] as const)('%s', (world) => {
      test.each([
        { vip: '10.0.0.1', dsts: '10.0.0.1/32', close: '10.2.0.1', far: '10.2.0.2', srcs: '10.2.0.1/32' },
        { vip: '[1000::1]', dsts: '1000::1/128', close: 'fd00:2::1', far: 'fd00:2::2', srcs: 'fd00:2::1/128' },
      ])('lead each application to its own targets: by port, protocol and source, at $vip', async ({ vip, dsts, close, far, srcs }) => {
        const tables = { web: { targets: { 101: 1, 102: 1 } }, dns: { targets: { 103: 1 } }, rest: { targets: { 104: 1 } } };
        const flows = [
          { name: 'web', target: 'web', priority: 10, protocols: ['tcp', 'udp'], dports: [80, '8000-8099'], dsts },
          { name: 'dns', target: 'dns', priority: 10, protocols: 'udp', dports: 53, srcs },
          { name: 'rest', target: 'rest' },
        ];
        await using edge = await site({ tables, flows }, { world });
        const sent = (protocol: 'tcp' | 'udp', port: number, from = far, count = 1) =>
          edge.send(connections(count, { to: `${vip}:${port}`, protocol, from }));
        expect(await sent('tcp', 80, far, 40)).toReach('web');
        expect(await sent('udp', 8042, far, 40)).toReach('web');
        expect(await sent('udp', 53, close)).toReach('dns');
        for (const other of [await sent('udp', 53), await sent('tcp', 53, close), await sent('udp', 9999)]) expect(other).toReach('rest');
      });
    });

    describe.each([4, 6] as const)('over IPv%i', (family) => {
      test('without a target drop their packets instead of passing them to a lower flow; a deleted table stays in use', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await startFlowLb(net);
        const web = await tableOf(net, lb, 'web', net.target(1));
        const rest = await tableOf(net, lb, 'rest', net.target(2));
        await EchoServers.start(net);
        const answered = async (): Promise<number[]> =>
          answering(await ask(net, { protocol: 'udp', family, connections: 5, timeout: 300 }));
        expect(await answered()).toEqual([]);
        await lb.run('flow-set', '--name=web', `--target=${web}`, '--prio=10', '--protocols=udp', '--dports=7');
        await lb.run('flow-set', '--name=rest', `--target=${rest}`);
        expect(await answered()).toEqual([1]);
        await lb.run('flow-set', '--name=web2', `--target=${web}`, '--prio=11', '--protocols=sctp');
        const mappings = async (table: string): Promise<string[]> =>
          (await net.lb.run(['cat', `/proc/${lb.process.pid}/maps`])).split('\n').filter((line) => line.includes(`/dev/shm/${table}`));
        // The worker maps it once, however many flows lead to it; the main thread may also map it, but read-only.
        const mapped = async (table: string): Promise<number> => (await mappings(table)).filter((line) => line.includes(' rw-s ')).length;
        expect([await mapped(web), await mapped(rest)]).toEqual([1, 1]);
        await lb.run('deactivate', `--shm=${web}`, String(net.target(1).fwmark));
        expect(await answered()).toEqual([]);
        await lb.run('activate', `--shm=${web}`, String(net.target(1).fwmark));
        expect(await answered()).toEqual([1]);
        const told = await lb.runForStderr('delete', `--shm=${web}`);
        expect(told).toBe(
          `nfqlb delete: warning: a load balancer uses and 2 flows use table ${web}: its targets stay in use, and cannot be changed until there is a table of that name again\n`,
        );
        await expect.poll(() => lb.process.stderr).toContain(`table ${web} was deleted; its targets stay in use`);
        // All of them, without loss.
        const { answered: all } = await ask(net, { protocol: 'udp', family, connections: 80, timeout: 300 });
        expect(all).toBe(80);
        await tableOf(net, lb, 'web', net.target(1));
        await expect.poll(() => lb.process.stderr).toContain(`table ${web} was replaced; using the new one`);
        expect(await answered()).toEqual([1]);
        await lb.run('flow-delete', '--name=web');
        expect(await answered()).toEqual([2]);
        expect(await mapped(web)).toBe(1);
        await lb.run('flow-delete', '--name=web2');
        await expect.poll(() => mappings(web)).toEqual([]);
        expect(await mapped(rest)).toBe(1);
      });
    });

    test('redefined 50 times a second under load lose and misroute no packet', async () => {
      await using net = await Topology.create({ targets: 4 });
      await using lb = await startFlowLb(net, { flowAddress: FLOW_ADDRESS, options: ['--qlength=16384'] });
      const table = await tableOf(net, lb, 'application', ...net.targets);
      const other = await tableOf(net, lb, 'other', net.target(1));
      const set = (name: string, target: string, prio: number, more = ''): string =>
        `action:set\nname:${name}\ntarget:${target}\npriority:${prio}\n${more}eoc:\n`;
      // Other flows of higher priority that match none of the packets sent.
      const others = Array.from({ length: 300 }, (_, i) => ({
        name: `f${i}`,
        target: other,
        priority: 9,
        protocols: 'udp',
        dports: `${6000 + i}`,
      }));
      await lb.apply({ flows: [{ name: 'application', target: table, priority: 1 }, ...others] });

      await using receiver = await Receiver.start(net, { eachFlow: true, period: 200 });
      await using sender = await Sender.start(net, { rate: 30_000, sourceAddresses: 10, sourcePorts: 100 });
      const again = Array.from({ length: 200 }, (_, i) =>
        i % 2 === 0
          ? set('application', table, 1 + (i % 7), 'protocols:udp\n')
          : set(`f${i}`, other, 9, `dports:${7000 + i}\nprotocols:udp\n`),
      );
      expect(await sendToFlowLb(net.lb, again, 20)).toBe(200);
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(sent.sent).toBeGreaterThan(100_000);
      expect(received).toMatchObject({ overflows: 0, splitFlows: 0, duplicates: 0 });
      expect(lost(received, sent)).toBe(0);
      expect(await net.lb.astray()).toBe(0);
      expect(await matches(lb)).toMatchObject({ application: sent.sent });
    }, 60_000);

    test.each([4, 6] as const)('IPv%i: packets without a flow or without a target can be rejected at once', async (family) => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await startFlowLb(net, { options: ['--nolb_fwmark=77', '--notargets_fwmark=78'] });
      const empty = await tableOf(net, lb, 'empty');
      await lb.run('flow-set', '--name=empty', `--target=${empty}`, '--protocols=tcp', '--dports=81-82');
      const reject = (mark: number, how: string): Promise<string> =>
        net.lb.iptables(family, `-A FORWARD -p tcp -m mark --mark ${mark} -j REJECT --reject-with ${how}`);
      await reject(77, 'tcp-reset');
      await reject(78, family === 4 ? 'icmp-host-unreachable' : 'icmp6-addr-unreachable');
      /** Why a connection fails. If not rejected, it would be ETIMEDOUT after minutes. */
      const connect = async (port: number): Promise<string> => {
        const program = `require('node:net').connect(${port}, '${net.vip(family)}').on('error', ({ code }) => console.log(code))`;
        return (await net.client.run([process.execPath, '-e', program])).trim();
      };
      expect(await connect(80)).toBe('ECONNREFUSED');
      expect(await connect(81)).toBe('EHOSTUNREACH');
      // The same after the last target is deactivated.
      await lb.run('activate', `--shm=${empty}`, String(net.target(1).fwmark));
      await EchoServers.start(net, 82);
      expect(await ask(net, { protocol: 'tcp', family, port: 82 })).toMatchObject({ answered: 1 });
      await lb.run('deactivate', `--shm=${empty}`, String(net.target(1).fwmark));
      expect(await connect(82)).toBe('EHOSTUNREACH');
    });

    test('by the thousand, constantly redefined, delay no packet and misroute none', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await startFlowLb(net, { targets: [net.target(1)], flowAddress: FLOW_ADDRESS, options: ['--qlength=16384'] });
      const all = new ManyFlows(net, lb, { count: 3000, tables: 50 });
      await all.define();
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 20_000, sourceAddresses: 10, sourcePorts: 100 });
      // Other load on the machine also stalls a worker: ten changes without such a stall are enough.
      let [alone, changing] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let round = 0; round < 8 && changing >= 5 + alone; round++) {
        alone = Math.min(alone, await lb.longestBatch(() => sleep(500)));
        changing = Math.min(changing, await lb.longestBatch(() => all.redefine(0.2)));
      }
      const sent = await sender.stop();
      const received = await receiver.finish();
      expect(received).toMatchObject({ overflows: 0, duplicates: 0, foreign: 0, byTarget: [sent.sent, 0] });
      expect(await net.lb.astray()).toBe(0);
      expect(await matches(lb)).toMatchObject({ application: sent.sent });
      expect(changing).toBeLessThan(5 + alone);
    }, 120_000);
  },
  NFQLB,
);

// A complete example: three applications behind one `flowlb`, each with its own VIPs, ports, targets and clients.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { answering, matches, startFlowLb, tableOf } from './application.js';
import { NFQLB } from './program.js';

const QUEUES = '0:3';

/** A VIP of each family, by application. */
const VIPS = { web: ['10.10.0.1', '1000::a:1'], dns: ['10.10.0.2', '1000::a:2'], mail: ['10.10.0.3', '1000::a:3'] } as const;
type Application = keyof typeof VIPS;

/** Routes a VIP from the client to the LB's queues, and adds it to the targets. */
async function addVip(net: Topology, vip: string): Promise<void> {
  const [family, length] = vip.includes(':') ? ([6, 128] as const) : ([4, 32] as const);
  const { peer } = net.client.wire(net.lb.host);
  await net.client.ip(`route add ${vip}/${length} via ${family === 4 ? peer.ipv4 : peer.ipv6}`);
  await net.lb.iptables(family, `-t mangle -A PREROUTING -d ${vip} -j NFQUEUE --queue-balance ${QUEUES}`);
  for (const target of net.targets) {
    await target.ip(`address add ${vip}/${length} dev ${target.wire('client').own.device}${family === 6 ? ' nodad' : ''}`);
  }
}

describeLive(
  'three applications',
  () => {
    test('each get their own traffic, over IPv4 and IPv6, TCP and UDP, from allowed clients only', async () => {
      await using net = await Topology.create({ targets: 5 });
      await using lb = await startFlowLb(net, { queue: QUEUES });
      for (const vip of Object.values(VIPS).flat()) await addVip(net, vip);
      // As for IPv4, lets programs bind to an address that is local only by a route.
      await net.client.run(['sh', '-c', 'echo 1 >/proc/sys/net/ipv6/ip_nonlocal_bind']);
      const tables = {
        web: await tableOf(net, lb, 'web', net.target(1), net.target(2)),
        dns: await tableOf(net, lb, 'dns', net.target(3)),
        mail: await tableOf(net, lb, 'mail', net.target(4), net.target(5)),
      };
      const define = async (application: Application, ...match: readonly string[]): Promise<void> => {
        const dsts = `--dsts=${VIPS[application][0]}/32,${VIPS[application][1]}/128`;
        await lb.run('flow-set', `--name=${application}`, `--target=${tables[application]}`, '--prio=10', dsts, ...match);
      };
      await define('web', '--protocols=tcp', '--dports=80,443,8000-8099');
      await define('dns', '--protocols=udp,tcp', '--dports=53');
      await define('mail', '--protocols=tcp,udp', '--dports=25', '--srcs=10.2.0.0/28,fd00:2::/124');
      const addresses = Object.values(VIPS).flat();
      for (const port of [80, 8042, 53, 25]) await EchoServers.start(net, port, { addresses });

      for (const [i, family] of ([4, 6] as const).entries()) {
        const [near, far] = family === 4 ? ['10.2.0.1', '10.2.0.16'] : ['fd00:2::1', 'fd00:2::10'];
        const asked = async (
          application: Application,
          protocol: 'tcp' | 'udp',
          port: number,
          from = near,
          connections = 20,
        ): Promise<number[]> =>
          answering(await ask(net, { protocol, family, to: VIPS[application][i]!, port, from, connections, timeout: 300 }));
        const refused = async (application: Application, protocol: 'tcp' | 'udp', port: number, from = near): Promise<boolean> =>
          (await asked(application, protocol, port, from, 2)).length === 0;
        expect(await asked('web', 'tcp', 80)).toEqual([1, 2]);
        expect(await asked('web', 'tcp', 8042, far)).toEqual([1, 2]);
        expect(await asked('dns', 'udp', 53, far)).toEqual([3]);
        expect(await asked('dns', 'tcp', 53)).toEqual([3]);
        expect(await asked('mail', 'tcp', 25)).toEqual([4, 5]);
        expect(await asked('mail', 'udp', 25)).toEqual([4, 5]);
        // Another application's port, another protocol, a client that is not allowed.
        expect(await refused('web', 'tcp', 25)).toBe(true);
        expect(await refused('web', 'udp', 80)).toBe(true);
        expect(await refused('mail', 'udp', 25, far)).toBe(true);
      }
      expect(await matches(lb)).toMatchObject({ dns: expect.any(Number), mail: expect.any(Number) });
      // Packets without a flow were dropped: the queues let nothing through.
      expect(await net.lb.astray()).toBe(0);
    }, 60_000);
  },
  NFQLB,
);

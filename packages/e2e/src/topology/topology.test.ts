import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { EchoServers } from '../traffic/echo.js';
import { inject } from '../traffic/injection.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import type { Mode } from './plan.js';
import { Topology } from './topology.js';

const families = [4, 6] as const;
const modes: readonly Mode[] = ['dsr', 'nat'];

describeLive('a packet’s path', () => {
  test.each(modes)('with %s a fwmark routes to its target, and the answer comes back', async (mode) => {
    await using net = await Topology.create({ targets: 3, mode });
    await using _echo = await EchoServers.start(net);
    await net.lb.hmark([net.target(2)]);
    for (const family of families) {
      for (const protocol of ['udp', 'tcp'] as const) {
        expect(await ask(net, { family, protocol, connections: 5 })).toEqual({
          asked: 5,
          answered: 5,
          broken: 0,
          moved: 0,
          byTarget: [0, 5],
        });
      }
      expect(await net.client.run(['ping', '-c', '1', '-W', '1', net.vip(family)])).toContain(' 0% packet loss');
    }
    expect(await net.lb.astray()).toBe(0);
  });

  test('with dsr no answer passes through the load balancer', async () => {
    await using net = await Topology.create({ targets: 2 });
    await using _echo = await EchoServers.start(net);
    await net.lb.forwardTo(net.target(1));
    for (const family of families) await ask(net, { family, protocol: 'udp', connections: 10 });
    expect(await net.lb.counts('client')).toEqual({ received: 20, sent: 0 });
    expect(await net.lb.counts('t1')).toEqual({ received: 0, sent: 20 });
    expect(await net.target(1).counts('client')).toEqual({ received: 0, sent: 20 });
  });

  test('with nat every answer passes through the load balancer', async () => {
    await using net = await Topology.create({ targets: 2, mode: 'nat' });
    await using _echo = await EchoServers.start(net);
    await net.lb.hmark([net.target(1)]);
    for (const family of families) await ask(net, { family, protocol: 'udp', connections: 10 });
    expect(await net.lb.counts('client')).toEqual({ received: 20, sent: 20 });
    expect(await net.lb.counts('t1')).toEqual({ received: 20, sent: 20 });
  });

  test.each(modes)('with %s packets without a fwmark are counted as astray and reach no target', async (mode) => {
    await using net = await Topology.create({ targets: 2, mode });
    await using receiver = await Receiver.start(net);
    for (const family of families) {
      await using sender = await Sender.start(net, { family, count: 50, rate: 10_000 });
      await sender.finish();
    }
    expect(await net.lb.astray()).toBe(100);
    expect(await receiver.finish()).toMatchObject({ received: 0 });
  });

  test.each(families)('HMARK spreads IPv%i flows, each to one target', async (family) => {
    await using net = await Topology.create({ targets: 4 });
    await net.lb.hmark(net.targets);
    await using receiver = await Receiver.start(net);
    await using sender = await Sender.start(net, { family, count: 4000, rate: 20_000, sourceAddresses: 4, sourcePorts: 100 });
    const sent = await sender.finish();
    const received = await receiver.finish();
    expect(received).toMatchObject({ flows: 400, splitFlows: 0, duplicates: 0, foreign: 0, reordered: 0, gaps: [] });
    expect(lost(received, sent)).toBe(0);
    // 100 flows per target on average; four standard deviations of a uniform choice are 35.
    for (const packets of received.byTarget) expect(Math.abs(packets - 1000)).toBeLessThan(350);
  });

  test('with dsr fragments pass through the load balancer unchanged', async () => {
    await using net = await Topology.create();
    await using _echo = await EchoServers.start(net);
    await net.lb.forwardTo(net.target(1));
    // 4000 octets take three packets. Connection tracking would reassemble them, since only the first has ports.
    for (const family of families) expect(await ask(net, { family, protocol: 'udp', octets: 4000 })).toMatchObject({ answered: 1 });
    await inject(net, { packets: [lastFragment(net.vip4)] });
    expect(await net.lb.counts('t1')).toMatchObject({ sent: 7 });
  });
});

describeLive('a narrow link', () => {
  test.each(modes)('with %s rejects longer packets, and its router notifies the sender', async (mode) => {
    await using net = await Topology.create({ mode, narrow: 1300 });
    await net.lb.hmark(net.targets);
    for (const family of families) {
      const ping = async (octets: number): Promise<string> => {
        const command = `ping -M do -c 1 -W 1 -s ${octets - (family === 4 ? 28 : 48)} ${net.vip(family)} 2>&1 || true`;
        return await net.client.run(['sh', '-c', command]);
      };
      expect(await ping(1300)).toContain(' 0% packet loss');
      expect(await ping(1301)).toMatch(family === 4 ? /Frag needed and DF set \(mtu = 1300\)/ : /Packet too big: mtu=1300/);
    }
  });

  test('cannot be narrower than IPv6 allows', async () => {
    await expect(Topology.create({ narrow: 1279 })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describeLive('several load balancers', () => {
  test('share the flows of the client', async () => {
    await using net = await Topology.create({ targets: 2, lbs: 2 });
    await using _echo = await EchoServers.start(net);
    for (const lb of net.lbs) await lb.hmark(net.targets);
    for (const family of families) {
      const connections = 40;
      expect(await ask(net, { family, protocol: 'tcp', connections })).toMatchObject({ answered: connections, moved: 0 });
    }
    for (const lb of net.lbs) expect((await lb.counts('client')).received).toBeGreaterThan(40);
  });

  test('reach each other by fwmark', async () => {
    await using net = await Topology.create({ lbs: 2 });
    await using _echo = await EchoServers.start(net);
    const [first, second] = net.lbs;
    for (const family of families) {
      await first!.iptables(family, `-t mangle -A PREROUTING -d ${net.vip(family)} -j MARK --set-mark ${second!.fwmark}`);
    }
    await second!.forwardTo(net.target(1));
    for (const family of families) {
      expect(await ask(net, { family, protocol: 'udp', connections: 20 })).toMatchObject({ answered: 20 });
    }
    expect(await first!.counts('t1')).toMatchObject({ sent: 0 });
    expect(await second!.counts('t1')).toMatchObject({ sent: 40 });
  });

  test('require dsr', async () => {
    await expect(Topology.create({ lbs: 2, mode: 'nat' })).rejects.toMatchObject({ code: 'conflict' });
  });
});

/** A lone UDP fragment at offset 1480, with a valid checksum. RFC 791 section 3.1. */
function lastFragment(destination: string): string {
  const octets = Buffer.from('45000024abcd00b94011000000000000000000000102030405060708090a0b0c0d0e0f10', 'hex');
  octets.set([10, 2, 0, 1], 12);
  octets.set(destination.split('.').map(Number), 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += octets.readUInt16BE(at);
  octets.writeUInt16BE(~((sum & 0xffff) + (sum >> 16)) & 0xffff, 10);
  return octets.toString('hex');
}

// This program must be compatible with a Kubernetes gateway that controls C nfqlb with these commands.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { answering, matches, startFlowLb } from './application.js';
import type { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const FLOWLB = { queue: '0:3', options: ['--promiscuous_ping', '--qlength=1024', '--hash_mode=0'] };

/** A stream of the gateway: a table and its flows. Every command is given twice, since a gateway may repeat commands. */
class Stream {
  readonly #lb: LoadBalancer;
  readonly #shm: string;

  constructor(lb: LoadBalancer, shm: string) {
    this.#lb = lb;
    this.#shm = shm;
  }

  async #twice(...command: readonly string[]): Promise<void> {
    const first = await this.#lb.run(...command);
    expect(await this.#lb.run(...command)).toBe(first);
  }

  create = (): Promise<void> => this.#twice('init', '--ownfw=0', `--shm=${this.#shm}`, '--M=3200', '--N=32');

  activate = (index: number, fwmark: number): Promise<void> =>
    this.#twice('activate', `--index=${index}`, `--shm=${this.#shm}`, String(fwmark));

  deactivate = (index: number): Promise<void> => this.#twice('deactivate', `--index=${index}`, `--shm=${this.#shm}`);

  async setFlow(name: string, priority: number, fields: Readonly<Record<string, string>>): Promise<void> {
    const { protocols = '', dsts = '', srcs = '', dports = '', sports = '', match = '' } = fields;
    const lists = [`--protocols=${protocols}`, `--dsts=${dsts}`, `--srcs=${srcs}`, `--dports=${dports}`, `--sports=${sports}`];
    await this.#twice('flow-set', `--name=${name}`, `--target=${this.#shm}`, `--prio=${priority}`, ...lists, `--match=${match}`);
  }

  deleteFlow = (name: string): Promise<void> => this.#twice('flow-delete', `--name=${name}`);
}

describeLive(
  'a gateway’s session',
  () => {
    test('from the first target to the last: two streams with changing targets', async () => {
      await using net = await Topology.create({ targets: 3 });
      await using lb = await startFlowLb(net, FLOWLB);
      const [a, b] = [new Stream(lb, net.sharedMemory('stream-a')), new Stream(lb, net.sharedMemory('stream-b'))];
      await a.create();
      await b.create();
      await a.activate(0, net.target(1).fwmark);
      await a.activate(1, net.target(2).fwmark);
      await b.activate(31, net.target(3).fwmark);
      const all = { dsts: `${net.vip4}/32,${net.vip6}/128`, srcs: '0.0.0.0/0,::/0', sports: '1024-65535' };
      await a.setFlow('flow-a', 5, { ...all, protocols: 'tcp,udp', dports: '7' });
      await b.setFlow('flow-b', 5, { ...all, protocols: 'tcp,udp', dports: '4000-4999', match: 'udp[4:2]&0xff00=0' });
      await EchoServers.start(net);
      await EchoServers.start(net, 4242);
      for (const family of [4, 6] as const) {
        for (const protocol of ['tcp', 'udp'] as const) {
          expect(answering(await ask(net, { protocol, family, connections: 20 }))).toEqual([1, 2]);
          expect(answering(await ask(net, { protocol, family, connections: 5, port: 4242 }))).toEqual([3]);
        }
        expect(await net.client.run(['ping', '-c', '2', '-i', '0.1', '-W', '2', net.vip(family)])).toContain('2 received');
      }
      const counts = await matches(lb);
      expect(Object.keys(counts)).toEqual(['flow-a', 'flow-b']);
      // Pings match the first flow with matching addresses. A TCP request takes several packets.
      expect(counts['flow-a']).toBeGreaterThanOrEqual(2 * (4 * 20 + 20 + 2));
      expect(counts['flow-b']).toBeGreaterThanOrEqual(2 * (4 * 5 + 5));

      await a.deactivate(0);
      expect(answering(await ask(net, { protocol: 'tcp', connections: 20 }))).toEqual([2]);
      await a.activate(0, net.target(1).fwmark);
      await a.activate(7, net.target(3).fwmark);
      expect(answering(await ask(net, { protocol: 'tcp', connections: 60 }))).toEqual([1, 2, 3]);
      for (const index of [0, 1, 7]) await a.deactivate(index);
      expect(answering(await ask(net, { protocol: 'udp', connections: 3, timeout: 300 }))).toEqual([]);
      await a.deleteFlow('flow-a');
      expect(answering(await ask(net, { protocol: 'udp', connections: 3, port: 4242 }))).toEqual([3]);
      await b.deleteFlow('flow-b');
      expect(JSON.parse(await lb.run('flow-list'))).toEqual([]);
      expect(await net.lb.astray()).toBe(0);
    }, 60_000);

    test.each([4, 6] as const)(
      'IPv%i: a guard keeps one application’s packets from the lower flow of another',
      async (family) => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await startFlowLb(net, FLOWLB);
        const [web, rest, nothing] = ['web', 'rest', 'nothing'].map((name) => new Stream(lb, net.sharedMemory(name))) as [
          Stream,
          Stream,
          Stream,
        ];
        for (const stream of [web, rest, nothing]) await stream.create();
        await web.activate(0, net.target(1).fwmark);
        await rest.activate(0, net.target(2).fwmark);
        const mine = { protocols: 'udp', dports: '7', dsts: `${net.vip4}/32,${net.vip6}/128` };
        await rest.setFlow('rest', 0, {});
        await web.setFlow('web', 10, mine);
        await EchoServers.start(net);
        const answers = async (): Promise<number[]> => answering(await ask(net, { protocol: 'udp', family, connections: 5, timeout: 300 }));
        expect(await answers()).toEqual([1]);
        // Without a guard, its packets go to the lower flow.
        await web.deleteFlow('web');
        expect(await answers()).toEqual([2]);
        await web.setFlow('web', 10, mine);
        await nothing.setFlow('web-guard', 9, mine);
        expect(await answers()).toEqual([1]);
        await web.deleteFlow('web');
        expect(await answers()).toEqual([]);
        expect(await matches(lb)).toMatchObject({ 'web-guard': 5, rest: 5 });
        await web.setFlow('web', 10, mine);
        expect(await answers()).toEqual([1]);
      },
      60_000,
    );
  },
  NFQLB,
);

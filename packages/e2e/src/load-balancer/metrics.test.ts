// The load balancer's metrics over HTTP, compared with independent counts; and its health.

import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { lost, type Received, Receiver } from '../traffic/receiver.js';
import { Sender, type SendOptions } from '../traffic/sender.js';
import { inflict } from './fault.js';
import { httpGet, scrape } from './http.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const ADDRESS = '127.0.0.1:9911';
const METRICS = `--metrics=${ADDRESS}`;

/** Octets of an IP packet sent here: more than the load balancer sees of it. */
const LENGTH = 1000;

async function send(net: Topology, options: SendOptions): Promise<Received> {
  await using receiver = await Receiver.start(net, { period: 200 });
  await using sender = await Sender.start(net, { rate: 20_000, sourceAddresses: 10, sourcePorts: 50, length: LENGTH, ...options });
  const sent = await sender.finish();
  const received = await receiver.finish();
  expect(received).toMatchObject({ overflows: 0, duplicates: 0 });
  expect(lost(received, sent)).toBe(0);
  // The load balancer's metrics may be this old.
  await new Promise((resolve) => setTimeout(resolve, 150));
  return received;
}

const health = async (lb: LoadBalancer): Promise<string> => {
  const { status, text } = await httpGet(lb.host, `http://${ADDRESS}/healthz`);
  return `${status} ${text}`;
};

describeLive(
  'metrics',
  () => {
    test('packets and octets of each target are those that the target received', async () => {
      await using net = await Topology.create({ targets: 3 });
      await using lb = await LoadBalancer.start(net, { queue: '0:3', options: [METRICS, '--qlength=16384'] });
      const four = await send(net, { count: 5000 });
      const six = await send(net, { family: 6, count: 3000 });
      const metrics = await scrape(net.lb, ADDRESS);
      for (const { fwmark, number } of net.targets) {
        const packets = four.byTarget[number - 1]! + six.byTarget[number - 1]!;
        expect(packets).toBeGreaterThan(1000);
        expect(metrics.get(`nfqlb_target_packets_total{fwmark="${fwmark}"}`)).toBe(packets);
        expect(metrics.get(`nfqlb_target_bytes_total{fwmark="${fwmark}"}`)).toBe(LENGTH * packets);
      }
      const sum = (beginning: string): number => [...metrics].reduce((all, [name, n]) => (name.startsWith(beginning) ? all + n : all), 0);
      expect(sum('nfqlb_packets_total{')).toBe(8000);
      expect(sum('nfqlb_bytes_total{')).toBe(8000 * LENGTH);
      expect(
        [0, 1, 2, 3].map((queue) => metrics.get(`nfqlb_packets_total{queue="${queue}",verdict="accept",reason="balanced"}`)! > 0),
      ).toEqual([true, true, true, true]);
      // Each queue's histograms contain all of its packets and batches.
      expect(sum('nfqlb_batch_packets_sum{')).toBe(8000);
      expect(sum('nfqlb_loop_turn_seconds_count{')).toBe(sum('nfqlb_batch_packets_count{'));
      expect(sum('nfqlb_loop_turn_seconds_sum{')).toBeGreaterThan(0);
      expect(sum('nfqlb_queue_dropped_packets_total{')).toBe(0);
      expect(metrics.get(`nfqlb_table_targets{table="${lb.table}"}`)).toBe(3);
      // A target deactivated just now is still reported; one deactivated long ago is not.
      const changes = metrics.get(`nfqlb_table_changes_total{table="${lb.table}"}`)!;
      await lb.deactivate(net.target(1));
      await new Promise((resolve) => setTimeout(resolve, 150));
      const after = await scrape(net.lb, ADDRESS);
      expect(after.get(`nfqlb_table_changes_total{table="${lb.table}"}`)).toBe(changes + 1);
      expect(after.get(`nfqlb_table_targets{table="${lb.table}"}`)).toBe(2);
      expect(after.has(`nfqlb_target_packets_total{fwmark="${net.target(1).fwmark}"}`)).toBe(true);
    });

    test('packets and octets of each flow are those that were sent; a deleted flow is no longer reported', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { flows: true, queue: '0:1', options: [METRICS, '--qlength=16384'] });
      await lb.run('flow-set', '--name=low', `--target=${lb.table}`, '--protocols=udp', '--dports=5000');
      await lb.run('flow-set', '--name=high', `--target=${lb.table}`, '--prio=9', '--srcs=10.2.0.3/32');
      await lb.run('flow-set', '--name=none', `--target=${lb.table}`, '--prio=10', '--dports=81');
      await send(net, { count: 5000 });
      // It keeps counting after being redefined.
      await lb.run('flow-set', '--name=low', `--target=${lb.table}`, '--protocols=udp', '--dports=5000', '--srcs=10.2.0.0/16');
      await send(net, { count: 1000, length: 100 });
      const metrics = await scrape(net.lb, ADDRESS);
      const flow = (name: string): (number | undefined)[] =>
        ['packets', 'bytes'].map((what) => metrics.get(`nfqlb_flow_${what}_total{flow="${name}"}`));
      // One of ten source addresses.
      expect(flow('high')).toEqual([600, 500 * LENGTH + 100 * 100]);
      expect(flow('low')).toEqual([5400, 4500 * LENGTH + 900 * 100]);
      expect(flow('none')).toEqual([0, 0]);
      expect(metrics.get('nfqlb_flow_changes_total')).toBe(4);
      // Matches no flow, so reaches no target.
      await using sender = await Sender.start(net, { rate: 20_000, count: 300, port: 5001, length: LENGTH });
      await sender.finish();
      await lb.run('flow-delete', '--name=none');
      await new Promise((resolve) => setTimeout(resolve, 150));
      const after = await scrape(net.lb, ADDRESS);
      expect([...after.keys()].filter((name) => name.includes('flow="none"'))).toEqual([]);
      const dropped = (queue: number): number => after.get(`nfqlb_packets_total{queue="${queue}",verdict="drop",reason="no-flow"}`)!;
      expect(dropped(0) + dropped(1)).toBe(300);
    });

    test('fragments count for the target of their first fragment; stored ones are also counted as stored', async () => {
      await using net = await Topology.create({ targets: 2 });
      const limits = ['--tun=nfqlb0', '--ft_size=9973', '--ft_buckets=20000', '--ft_frag=4000', '--qlength=16384'];
      await using _lb = await LoadBalancer.start(net, { options: [METRICS, ...limits] });
      // 180 octets of UDP in three fragments: 64, 64 and 52, each with a header.
      const options: SendOptions = { rate: 4000, count: 600, length: 200, fragmentOctets: 64 };
      const [parts, octets] = [3, 180 + 3 * 20];
      const forward = await send(net, options);
      const reversed = await send(net, { ...options, order: 'reversed' });
      const metrics = await scrape(net.lb, ADDRESS);
      for (const { fwmark, number } of net.targets) {
        const datagrams = forward.byTarget[number - 1]! + reversed.byTarget[number - 1]!;
        expect(metrics.get(`nfqlb_target_packets_total{fwmark="${fwmark}"}`)).toBe(parts * datagrams);
        expect(metrics.get(`nfqlb_target_bytes_total{fwmark="${fwmark}"}`)).toBe(octets * datagrams);
      }
      const counted = (what: string, verdict: string, reason: string): number | undefined =>
        metrics.get(`nfqlb_${what}_total{queue="2",verdict="${verdict}",reason="${reason}"}`);
      expect(counted('packets', 'accept', 'balanced')).toBe(1200);
      expect(counted('packets', 'accept', 'fragment-known')).toBe(2400);
      expect(counted('packets', 'store', 'fragment-stored')).toBe(1200);
      expect(counted('bytes', 'store', 'fragment-stored')).toBe(600 * (octets - 64 - 20));
      expect(metrics.get('nfqlb_fragments_reinjected_total')).toBe(1200);
      expect(metrics.get('nfqlb_fragment_table_inserts_total')).toBe(1200);
    });

    test('the kernel’s drops due to a full queue equal the missing packets', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { options: [METRICS, '--qlength=16'] });
      await using receiver = await Receiver.start(net, { period: 200 });
      const full = 'nfqlb_queue_dropped_packets_total{queue="2",cause="queue-full"}';
      {
        await using _held = await inflict('hold-worker', lb);
        await using sender = await Sender.start(net, { rate: 5000, count: 500 });
        await sender.finish();
        await new Promise((resolve) => setTimeout(resolve, 150));
        const metrics = await scrape(net.lb, ADDRESS);
        expect(metrics.get('nfqlb_queue_waiting_packets{queue="2"}')).toBe(16);
        expect(metrics.get(full)).toBe(500 - 16);
      }
      await expect.poll(async () => (await scrape(net.lb, ADDRESS)).get('nfqlb_queue_waiting_packets{queue="2"}')).toBe(0);
      expect((await receiver.finish()).received).toBe(16);
      expect((await scrape(net.lb, ADDRESS)).get(full)).toBe(500 - 16);
    });

    test('unhealthy while a worker is stuck, and healthy again afterwards', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { queue: '0:1', options: [METRICS] });
      await expect.poll(() => health(lb)).toBe('200 healthy\n');
      {
        await using _held = await inflict('hold-worker', lb);
        await expect
          .poll(() => health(lb), { timeout: 6000, interval: 200 })
          .toMatch(/^503 queue [01]: its worker is stuck: no turn of its loop for \d\.\d s\n$/);
        const metrics = await scrape(net.lb, ADDRESS);
        expect(metrics.get('nfqlb_healthy')).toBe(0);
        expect(Math.max(...[0, 1].map((queue) => metrics.get(`nfqlb_loop_stalled_seconds{queue="${queue}"}`)!))).toBeGreaterThanOrEqual(2);
        await lb.process.waitForOutput(/warning: not healthy: queue [01]: its worker is stuck/);
      }
      await expect.poll(() => health(lb), { timeout: 3000 }).toBe('200 healthy\n');
      await lb.process.waitForOutput(/healthy again/);
    });

    test('healthy after the whole process was stopped and continued', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { options: [METRICS] });
      await expect.poll(() => health(lb)).toBe('200 healthy\n');
      lb.process.signal('SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 3000));
      lb.process.signal('SIGCONT');
      expect(await health(lb)).toBe('200 healthy\n');
    });

    test('unhealthy when its queue was unbound, or is bound by another program', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { options: [METRICS] });
      await expect.poll(() => health(lb)).toBe('200 healthy\n');
      await using _taken = await inflict('unbind-queue', lb);
      await expect.poll(() => health(lb), { timeout: 3000 }).toBe('503 queue 2: nobody listens to it any more: its packets are dropped\n');
      await using _other = await LoadBalancer.start(net, { options: [`--ft_shm=${net.sharedMemory('other')}`] });
      await expect.poll(() => health(lb), { timeout: 3000 }).toMatch(/^503 queue 2: another program listens to it \(netlink port \d+\)\n$/);
      expect((await scrape(net.lb, ADDRESS)).get('nfqlb_queue_bound{queue="2"}')).toBe(0);
    });

    test('an unusable address is reported in one line', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { options: ['--metrics=[::1]:9911'] });
      await expect.poll(async () => (await httpGet(net.lb, 'http://[::1]:9911/healthz')).status).toBe(200);
      const refusal = (option: string): Promise<string> =>
        net.lb.run([...NFQLB.command, 'lb', `--tshm=${lb.table}`, '--queue=9', option]).then(
          () => 'none',
          (error: Error) => error.message,
        );
      expect(await refusal('--metrics=[::1]:9911')).toContain('nfqlb lb: --metrics=[::1]:9911: another program listens there (EADDRINUSE)');
      expect(await refusal('--metrics=192.0.2.1:9911')).toContain('no address of this network namespace (EADDRNOTAVAIL)');
      for (const wrong of ['localhost:9911', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1', '::1:9911', ':9911', '']) {
        expect(await refusal(`--metrics=${wrong}`)).toMatch(
          /: --metrics=?.*: (must be ADDRESS:PORT or \[IPV6-ADDRESS\]:PORT|needs a value)/,
        );
      }
    });
  },
  NFQLB,
);

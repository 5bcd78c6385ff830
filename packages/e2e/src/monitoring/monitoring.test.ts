// Tests docs/monitoring/ with a real Prometheus that scrapes a real load balancer under traffic.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { inflict } from '../load-balancer/fault.js';
import { httpGet } from '../load-balancer/http.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { run } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { MONITORING, Prometheus } from './prometheus.js';

const ADDRESS = '127.0.0.1:9911';
const RULE_TESTS = fileURLToPath(new URL('../../monitoring/alerts.test.yaml', import.meta.url));

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

/** Every query of the dashboard, with all jobs and instances selected. */
function dashboardQueries(): { readonly title: string; readonly expression: string }[] {
  const { panels } = JSON.parse(readFileSync(join(MONITORING, 'grafana-dashboard.json'), 'utf8')) as { panels: readonly Panel[] };
  return panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expression: expr.replaceAll('$__rate_interval', '10s').replaceAll('$job', '.+').replaceAll('$instance', '.+'),
    })),
  );
}

describeLive(
  'monitoring',
  () => {
    test('promtool accepts the configuration and the alerts, and each alert fires when it should and only then', async () => {
      expect(await run(['promtool', 'check', 'config', join(MONITORING, 'prometheus.yaml')])).toContain('9 rules found');
      expect(await run(['promtool', 'test', 'rules', RULE_TESTS])).toContain('SUCCESS');
    });

    test('Prometheus has the counters, every dashboard query returns data, and alerts fire', async () => {
      await using net = await Topology.create({ targets: 2 });
      await using lb = await LoadBalancer.start(net, { flows: true, options: [`--metrics=${ADDRESS}`, '--qlength=4096', '--tun=nfqlb0'] });
      await lb.run('flow-set', '--name=all', `--target=${lb.table}`);
      const { text } = await httpGet(net.lb, `http://${ADDRESS}/metrics`);
      // Prometheus's own linter checks names, units, help and types.
      expect(await net.lb.run(['promtool', 'check', 'metrics'], { input: text.replace(/^.*(nodejs|process)_.*\n/gm, '') })).toBe('');
      await using prometheus = await Prometheus.start(net.lb, ADDRESS);

      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 5000, seconds: 5 });
      const queries = dashboardQueries();
      expect(queries.length).toBeGreaterThan(35);
      // Rates need at least two scrapes.
      await new Promise((resolve) => setTimeout(resolve, 3500));
      for (const { title, expression } of queries) {
        const found = await prometheus.query(expression);
        expect(found.length, `${title}: ${expression}: no data`).toBeGreaterThan(0);
        expect(
          found.every(({ value }) => Number.isFinite(value)),
          `${title}: ${expression}: not a number`,
        ).toBe(true);
      }
      const sent = await sender.finish();
      const received = await receiver.finish();
      expect(lost(received, sent)).toBe(0);
      expect(await prometheus.firing()).toEqual([]);
      for (const { fwmark, number } of net.targets) {
        await expect
          .poll(async () => (await prometheus.query(`nfqlb_target_packets_total{fwmark="${fwmark}"}`))[0]?.value, { timeout: 5000 })
          .toBe(received.byTarget[number - 1]);
      }
      expect((await prometheus.query('nfqlb_flow_packets_total{flow="all"}'))[0]?.value).toBe(sent.sent);

      {
        // A stuck worker: the load balancer becomes unhealthy, and its queue overflows.
        await using _held = await inflict('hold-worker', lb);
        await using flood = await Sender.start(net, { rate: 10_000, count: 10_000 });
        await flood.finish();
        await expect.poll(() => prometheus.firing(), { timeout: 10_000, interval: 300 }).toContain('NfqlbQueueDrops');
        const drops = (await prometheus.alerts()).find(({ labels }) => labels.alertname === 'NfqlbQueueDrops');
        expect(drops!.annotations.summary).toBe(`${ADDRESS}: the kernel drops packets of queue 2 (queue-full)`);
        await expect.poll(() => prometheus.firing(), { timeout: 20_000, interval: 300 }).toContain('NfqlbUnhealthy');
        expect((await prometheus.query('nfqlb_queue_dropped_packets_total{cause="queue-full"}'))[0]?.value).toBe(10_000 - 4096);
      }
      await expect.poll(() => prometheus.firing(), { timeout: 10_000, interval: 300 }).not.toContain('NfqlbUnhealthy');
      await lb.kill();
      await expect
        .poll(async () => (await prometheus.alerts()).map(({ labels, state }) => `${labels.alertname} ${state}`), { timeout: 10_000 })
        .toContain('NfqlbDown pending');
    });
  },
  NFQLB,
  { prometheus: 'prometheus', promtool: 'prometheus' },
);

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { E2eError } from '../e2e-error.js';
import { httpGet } from '../load-balancer/http.js';
import type { Running } from '../processes/running.js';
import type { Namespace } from '../topology/namespace.js';

/** The guide's folder, with configuration, alerts and dashboard. */
export const MONITORING: string = fileURLToPath(new URL('../../../../docs/monitoring', import.meta.url));

const ADDRESS = '127.0.0.1:9912';

/** A value and its labels. */
export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

/** A Prometheus that scrapes one load balancer every second, with the guide's alerts. Disposing of it stops it and deletes its data. */
export class Prometheus implements AsyncDisposable {
  readonly #host: Namespace;
  readonly #folder: string;
  readonly #running: Running;

  private constructor(host: Namespace, folder: string, running: Running) {
    this.#host = host;
    this.#folder = folder;
    this.#running = running;
  }

  /** @param target where the load balancer serves /metrics, in the same namespace */
  static async start(host: Namespace, target: string): Promise<Prometheus> {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-prometheus-'));
    const config = {
      global: { scrape_interval: '1s', evaluation_interval: '1s' },
      rule_files: [join(MONITORING, 'alerts.yaml')],
      scrape_configs: [{ job_name: 'nfqlb', static_configs: [{ targets: [target] }] }],
    };
    writeFileSync(join(folder, 'prometheus.yaml'), JSON.stringify(config));
    const running = await host.spawn([
      'prometheus',
      `--config.file=${folder}/prometheus.yaml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=${ADDRESS}`,
    ]);
    const prometheus = new Prometheus(host, folder, running);
    try {
      await running.waitForOutput(/Server is ready to receive web requests/, 20_000);
      // It updates its targets every 5 s.
      for (const deadline = Date.now() + 20_000; (await prometheus.query('up')).length === 0; await sleep(200)) {
        if (Date.now() > deadline) throw new E2eError('timed-out', `prometheus has no target: ${running.stderr}`);
      }
    } catch (error) {
      await prometheus[Symbol.asyncDispose]();
      throw error;
    }
    return prometheus;
  }

  /** Evaluates an expression now. Throws if it is invalid. */
  async query(expression: string): Promise<Sample[]> {
    const { result } = await this.#get(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    return (result as { metric: Sample['metric']; value: [number, string] }[]).map(({ metric, value }) => ({
      metric,
      value: Number(value[1]),
    }));
  }

  async alerts(): Promise<Alert[]> {
    return (await this.#get('/api/v1/alerts')).alerts as Alert[];
  }

  /** Names of the alerts that are firing. */
  async firing(): Promise<string[]> {
    return (await this.alerts()).filter(({ state }) => state === 'firing').map(({ labels }) => labels.alertname!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #get(path: string): Promise<Record<string, unknown>> {
    const { text } = await httpGet(this.#host, `http://${ADDRESS}${path}`);
    const { status, data, error } = JSON.parse(text);
    if (status !== 'success') throw new Error(`${decodeURIComponent(path)}: ${error}`);
    return data;
  }
}

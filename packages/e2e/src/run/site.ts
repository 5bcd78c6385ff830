// For tests of `nfqlb run`: a file, and the program that follows it.

import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { Running } from '../processes/running.js';
import type { LbHost, Target } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';
import { trafficCommand } from '../traffic/program.js';

/** Port of the servers at the targets' own addresses, for NAT. */
export const NAT_PORT = 8;
export const NAT_VIPS = { 4: '10.0.0.2', 6: '1000::2' } as const;

/** Where the kernel takes packets to the VIPs without the load balancer's rules. */
const ASTRAY = 'astray';

/** Leads packets to {@link NAT_VIPS} to the load balancer, and has the targets answer at their own addresses. */
export async function serveNat(net: Topology): Promise<Running> {
  const { peer } = net.client.wire(net.lb.host);
  await net.client.ip(`route add ${NAT_VIPS[4]} via ${peer.ipv4}`);
  await net.client.ip(`route add ${NAT_VIPS[6]} via ${peer.ipv6}`);
  for (const vip of Object.values(NAT_VIPS)) await net.lb.ip(`route add ${vip} dev ${ASTRAY}`);
  const at = net.targets.flatMap((target) => addressesOf(net, target).map((address) => `${target.number},${target.path},${address}`));
  const running = await Running.start(trafficCommand('echo', { at, port: NAT_PORT }));
  await running.waitForOutput(/^ready$/m);
  return running;
}

/** A target's own addresses, of both families. */
export function addressesOf(net: Topology, { host }: Target): string[] {
  const { ipv4, ipv6 } = net.lb.wire(host).peer;
  return [ipv4, ipv6];
}

/** As in a table's `targets`. */
export function targetOf(net: Topology, target: Target, more: object = {}): object {
  return { fwmark: target.fwmark, address: addressesOf(net, target), ...more };
}

/** A configuration file in a folder of its own, and `nfqlb run` with it. */
export class Site implements AsyncDisposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'nfqlb-run-'));
  readonly file: string = join(this.folder, 'nfqlb.yaml');
  readonly #net: Topology;
  readonly #lb: LbHost;
  readonly #as: readonly string[];
  #running: Running | undefined;

  /** @param as what the program is started by, such as `setpriv --reuid=…` */
  constructor(net: Topology, lb: LbHost = net.lb, as: readonly string[] = []) {
    this.#net = net;
    this.#lb = lb;
    this.#as = as;
    chmodSync(this.folder, 0o755);
  }

  get process(): Running {
    return this.#running!;
  }

  /** Replaces the file in one step, as editors and package managers do. */
  write(content: unknown): void {
    writeFileSync(`${this.file}.new`, typeof content === 'string' ? content : JSON.stringify(content, undefined, 1));
    renameSync(`${this.file}.new`, this.file);
  }

  /** Runs another command of the program. */
  run(...args: readonly string[]): Promise<string> {
    return this.#lb.run([...NFQLB.command, ...args]);
  }

  /** Starts it and waits until it listens and all is set up. */
  async start(...options: readonly string[]): Promise<void> {
    await this.begin(...options);
    await this.inForce();
  }

  /** Starts it and waits until it listens. */
  async begin(...options: readonly string[]): Promise<void> {
    const shm = this.#net.sharedMemory(`run-${this.#lb.host}`);
    const config = options.some((option) => option.startsWith('--config=')) ? [] : [`--config=${this.file}`];
    const program = ['env', `NFQLB_TRACE_SHM=${shm}-trace`, ...NFQLB.command, 'run', ...config, `--ft_shm=${shm}-fragments`];
    this.#running = await this.#lb.spawn([...this.#as, ...program, ...options]);
    await this.#running.waitForOutput(/: listening on /, 30_000);
  }

  async inForce(): Promise<void> {
    await this.process.waitForOutput(/: in force: /, 30_000);
  }

  /** Has another process take over, and waits until that has set up all, and the one before has ended. */
  async takeOver(...options: readonly string[]): Promise<void> {
    const before = this.process;
    await this.start('--takeover', ...options);
    expect((await before.exited).status).toBe(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running && !this.#running.ended) await this.#running.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/**
 * Tells a BGP speaker on this machine which VIPs to announce: by routes to them, through a device that lives as long as this process.
 *
 * Every speaker can export a route by its device or protocol, and every speaker notices when a device goes. The device is a tun device, which the
 * kernel removes with the process that has opened it; and a watchdog ends the process if it hangs. So the routes never outlive a load balancer that
 * works.
 *
 * No packet takes these routes: those to VIPs are dropped or have a target's fwmark, and policy rules for these come first.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { NativeError, Tun, Watchdog } from '@nfqlb/native';
import { FAMILIES, type Family } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { ip } from './ip.js';

/** The device of the routes. */
export const VIP_DEVICE = 'nfqlb-vips';

/** Marks the routes (`RTA_PROTOCOL`). Not that of rules and routes to targets, which `nfqlb down` removes. */
export const VIP_PROTOCOL = 143;

/** High: any other route to a VIP goes first, for programs on this machine that are its clients. */
const METRIC = 14_200;

const MTU = 1500;

/** Output of `ip -json route show`, only the fields used here. */
interface RouteJson {
  readonly dst: string;
}

export class VipRoutes {
  readonly #tun: Tun;
  readonly #watchdog: Watchdog;

  /**
   * @param fd another process's descriptor of the device, which this one takes over with all routes
   * @throws {@link NativeError} if the device cannot be made; `EBUSY` while another process has it
   */
  constructor(fd?: number) {
    this.#tun = new Tun(VIP_DEVICE, fd);
    try {
      if (fd === undefined && !this.#tun.created) {
        const problem = `tun device ${VIP_DEVICE} was there before, and would stay without this process: ip link delete ${VIP_DEVICE}`;
        throw new NativeError('EEXIST', 'opening', problem);
      }
      if (fd === undefined) setUp(this.#tun);
      this.#watchdog = new Watchdog();
    } catch (error) {
      this.#tun.close();
      throw error;
    }
  }

  /** Descriptor of the device, for a process that takes it over. */
  get fd(): number {
    return this.#tun.fd;
  }

  /** The routes go, with this process, that many milliseconds from now, unless this is called again before. */
  renew(milliseconds: number): void {
    this.#watchdog.renew(milliseconds);
  }

  /**
   * Makes routes to these VIPs, and no others.
   *
   * @param vips as `10.0.0.1/32`
   * @returns what was changed, `add 10.0.0.1/32`, and why a route could not be made
   * @throws {@link SetupError}; `command-failed` if the device has gone
   */
  async establish(vips: ReadonlySet<string>): Promise<{ readonly changed: string[]; readonly problems: string[] }> {
    const present = new Set<string>();
    for (const family of FAMILIES) for (const vip of await routesOf(family)) present.add(vip);
    const route = (vip: string): string => `${vip} dev ${VIP_DEVICE} protocol ${VIP_PROTOCOL} metric ${METRIC}`;
    const removed = [...present].filter((vip) => !vips.has(vip));
    const added = [...vips].filter((vip) => !present.has(vip));
    if (removed.length + added.length === 0) return { changed: [], problems: [] };
    const lines = [...removed.map((vip) => `route delete ${route(vip)}`), ...added.map((vip) => `route add ${route(vip)}`)];
    const { errors } = await ip(['-force', '-batch', '-'], lines);
    const changed = [...removed.map((vip) => `delete ${vip}`), ...added.map((vip) => `add ${vip}`)];
    return { changed, problems: errors.map((reason) => `a route to a VIP at ${VIP_DEVICE}: ${reason}`) };
  }

  /** All of them are gone when this returns, unless another process has taken over the device. */
  close(): void {
    this.#watchdog.close();
    this.#tun.close();
  }
}

/** IPv6 may be off for new devices. Nobody but us gives it addresses. */
function setUp(tun: Tun): void {
  for (const [name, value] of [
    ['disable_ipv6', 0],
    ['addr_gen_mode', 1],
  ] as const) {
    const path = `/proc/sys/net/ipv6/conf/${VIP_DEVICE}/${name}`;
    try {
      if (existsSync(path)) writeFileSync(path, `${value}\n`);
    } catch {
      // Read-only in a container. Where it matters, the route to the VIP fails, and says so.
    }
  }
  tun.setUp(MTU);
}

/** The VIPs to which there are routes. */
async function routesOf(family: Family): Promise<string[]> {
  const args = [`-${family}`, '-json', 'route', 'show', 'dev', VIP_DEVICE, 'protocol', String(VIP_PROTOCOL)];
  const { stdout, errors } = await ip(args);
  if (errors.length > 0) throw new SetupError('command-failed', `ip ${args.join(' ')}: ${errors.join('; ')}`);
  const routes = JSON.parse(stdout.trim() || '[]') as RouteJson[];
  const all = family === 4 ? '0.0.0.0/0' : '::/0';
  return routes.map(({ dst }) => (dst === 'default' ? all : dst.includes('/') ? dst : `${dst}/${family === 4 ? 32 : 128}`));
}

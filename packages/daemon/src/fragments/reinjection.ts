import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { NativeError, Tun } from '@nfqlb/native';

/** How long that may take, and how often to try. */
const LAST_BREATH_MS = 2000;
const POLL_MS = 10;

/**
 * Opens the tun device through which stored fragments are reinjected. An existing device must be up, and its MTU must fit the stored fragments;
 * otherwise a device is created that lasts as long as this program runs.
 *
 * @param mtu length of the longest stored fragment, in octets
 * @param fd descriptor of the device in the process that is taken over from
 * @throws `NativeError`
 */
export function openTun(name: string, mtu: number, fd?: number): Tun {
  const tun = new Tun(name, fd);
  try {
    if (tun.created) setUp(tun, mtu);
    const refuse = (code: string, reason: string): never => {
      throw new NativeError(code, 'opening', `tun device ${name}: ${reason}`);
    };
    if (tun.mtu < mtu) refuse('EMSGSIZE', `its MTU is ${tun.mtu}, less than --mtu=${mtu}: ip link set ${name} mtu ${mtu}`);
    if (!tun.isUp) refuse('ENETDOWN', `it is down: ip link set ${name} up`);
    return tun;
  } catch (error) {
    tun.close();
    throw error;
  }
}

/** As {@link openTun}, but waits while the kernel takes the device back from a process that has just died. */
export async function openTunAgain(name: string, mtu: number): Promise<Tun> {
  for (const until = performance.now() + LAST_BREATH_MS; ; await sleep(POLL_MS)) {
    try {
      return openTun(name, mtu);
    } catch (error) {
      if (performance.now() >= until) throw error;
    }
  }
}

function setUp(tun: Tun, mtu: number): void {
  // Before the device is up, so that it has IPv6 even where that is off for new devices. rp_filter would drop the fragments: their sources are
  // not reached through this device.
  for (const [file, value] of [
    ['ipv6/conf', 'disable_ipv6'],
    ['ipv4/conf', 'rp_filter'],
  ]) {
    const path = `/proc/sys/net/${file}/${tun.name}/${value}`;
    try {
      if (existsSync(path)) writeFileSync(path, '0\n');
    } catch {
      // Read-only in a container. Harmless if the value is 0 already; otherwise `nfqlb doctor` reports it.
    }
  }
  tun.setUp(mtu);
}

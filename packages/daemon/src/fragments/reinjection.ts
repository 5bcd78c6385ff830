import { existsSync, writeFileSync } from 'node:fs';
import { NativeError, Tun } from '@nfqlb/native';

/**
 * The tun device through which stored fragments come back. One that is there must be up, and have room for what is stored; one that is not
 * is created for as long as this program runs.
 *
 * @param mtu octets of the longest fragment that is stored
 * @throws `NativeError`
 */
export function openTun(name: string, mtu: number): Tun {
  const tun = new Tun(name);
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

function setUp(tun: Tun, mtu: number): void {
  // Before it is up, so that it comes up with IPv6 where that is off for new devices. The packets' sources are not reached through it.
  for (const [file, value] of [
    ['ipv6/conf', 'disable_ipv6'],
    ['ipv4/conf', 'rp_filter'],
  ]) {
    const path = `/proc/sys/net/${file}/${tun.name}/${value}`;
    try {
      if (existsSync(path)) writeFileSync(path, '0\n');
    } catch {
      // Read-only in a container. Nothing is amiss where the value is 0 already; else `nfqlb doctor` tells.
    }
  }
  tun.setUp(mtu);
}

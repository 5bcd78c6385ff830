import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { SetUp } from './set-up.js';
import { type SysctlStep, sysctlPath } from './step.js';

/** A setting that a set-up needs and that the kernel does not have yet. */
export interface WantedSysctl extends SysctlStep {
  /** What does not work without it. */
  readonly problem: string;
}

const IPV4_FORWARDING = 'net.ipv4.ip_forward';
const IPV6_FORWARDING = 'net.ipv6.conf.all.forwarding';
const REVERSE_PATH_FILTER = 'net.ipv4.conf.all.rp_filter';

/** Modes of the reverse path filter (RFC 3704 §2). Strict: a packet must arrive on the device of the route back; loose: any device. */
const STRICT = 1;
const LOOSE = 2;

/** Settings that matter to a set-up. */
export interface SysctlFacts {
  readonly ipv4Forwarding: boolean;
  /** `undefined` in a kernel without IPv6. */
  readonly ipv6Forwarding: boolean | undefined;
  /** Devices whose effective reverse path filter is strict: the greater of the device's mode and that for all. */
  readonly strictDevices: readonly string[];
  /** Devices whose filter is loose. */
  readonly looseDevices: readonly string[];
}

/** Whether there are settings to read: they may be hidden from a service (`ProcSubset=pid`). */
export function hasSysctls(): boolean {
  return existsSync(sysctlPath(IPV4_FORWARDING));
}

/** Reads the settings of this network namespace. */
export function readSysctls(): SysctlFacts {
  return {
    ipv4Forwarding: read(IPV4_FORWARDING) === 1,
    ipv6Forwarding: read(IPV6_FORWARDING) === undefined ? undefined : read(IPV6_FORWARDING) === 1,
    strictDevices: devicesFiltering(STRICT),
    looseDevices: devicesFiltering(LOOSE),
  };
}

/** The settings that a set-up still needs. */
export function wantedSysctls({ vips, traffic, mode }: SetUp, facts: SysctlFacts): WantedSysctl[] {
  const wanted: WantedSysctl[] = [];
  const want = (name: string, value: number, problem: string): void => {
    wanted.push({ kind: 'sysctl', name, value, problem });
  };
  if (traffic === 'forward' && vips[4].length > 0 && !facts.ipv4Forwarding) {
    want(IPV4_FORWARDING, 1, 'IPv4 packets are not passed on to targets');
  }
  if (traffic === 'forward' && vips[6].length > 0 && facts.ipv6Forwarding === false) {
    want(IPV6_FORWARDING, 1, 'IPv6 packets are not passed on to targets');
  }
  if (mode === 'dsr' && vips[4].length > 0 && facts.strictDevices.length > 0) {
    want(
      REVERSE_PATH_FILTER,
      LOOSE,
      `IPv4 packets that come another way than answers would go are dropped (${facts.strictDevices.join(', ')})`,
    );
  }
  return wanted;
}

function devicesFiltering(wanted: number): string[] {
  const folder = '/proc/sys/net/ipv4/conf';
  const mode = (device: string): number => Number(readFileSync(`${folder}/${device}/rp_filter`, 'utf8'));
  const all = mode('all');
  return readdirSync(folder).filter(
    (device) => device !== 'all' && device !== 'default' && device !== 'lo' && Math.max(all, mode(device)) === wanted,
  );
}

function read(name: string): number | undefined {
  try {
    return Number(readFileSync(sysctlPath(name), 'utf8'));
  } catch {
    return undefined;
  }
}

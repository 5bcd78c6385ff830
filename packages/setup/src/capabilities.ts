import { readFileSync } from 'node:fs';

/** linux/capability.h */
export const CAP_NET_ADMIN = 12;
export const CAP_SYS_ADMIN = 21;

/** Effective capabilities of this process, as a bit mask. */
export function readCapabilities(): bigint {
  return parseCapabilities(readFileSync('/proc/self/status', 'utf8'));
}

/** @param status /proc/PID/status */
export function parseCapabilities(status: string): bigint {
  const [, hex = '0'] = /^CapEff:\s*([\da-f]+)$/m.exec(status) ?? [];
  return BigInt(`0x${hex}`);
}

export function hasCapability(capabilities: bigint, capability: number): boolean {
  return ((capabilities >> BigInt(capability)) & 1n) === 1n;
}

import type { Facts } from './facts.js';

/** The target of each fwmark with `nfqlb up --mode=nat`, from iptables-save. */
export function translations(saved: string): Facts['ownRoutes'][4] {
  const rules = saved.matchAll(/^-A NFQLB .*--mark 0x([\da-f]+) -j DNAT --to-destination (\S+)$/gm);
  return [...rules].map(([, mark, address]) => ({ fwmark: Number.parseInt(mark!, 16), address: address! }));
}

import { FAMILIES } from '../set-up.js';
import type { Facts } from './facts.js';
import { type Finding, problem } from './finding.js';
import { translations } from './translations.js';

/** Active targets on connected networks that do not answer ARP or neighbour discovery. Empty if there are none. */
export function checkTargets({ savedRules, ownRoutes, silentNeighbours, tables }: Facts): Finding[] {
  if (silentNeighbours.length === 0) return [];
  const addresses = FAMILIES.flatMap((family) => [...translations(savedRules[family] ?? ''), ...ownRoutes[family]]);
  const active = new Set((tables ?? []).flatMap((table) => table.active));
  const silent = new Map(
    addresses
      .filter(({ fwmark, address }) => active.has(fwmark) && silentNeighbours.includes(address))
      .map(({ fwmark, address }) => [`${fwmark}=${address}`, fwmark]),
  );
  if (silent.size === 0) return [];
  const fwmarks = [...new Set(silent.values())].join(' ');
  return [
    problem(
      'targets',
      `nobody answers at ${[...silent.keys()].join(', ')}, to which packets go`,
      `nfqlb deactivate ${fwmarks}, until the target is back`,
    ),
  ];
}

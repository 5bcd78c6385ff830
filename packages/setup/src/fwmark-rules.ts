import { iptables } from './present.js';
import { FAMILIES } from './set-up.js';
import { SetupError } from './setup-error.js';
import { runProgram } from './step.js';

/**
 * The fwmarks that policy rules or packet rules of this network namespace ask for. Rules that may not be read, or whose program is not installed, are
 * left out.
 *
 * @param wanted packet rules, which take longer to read, are read only if policy rules do not have all of these
 */
export function fwmarksWithRules(wanted: readonly number[]): Set<number> {
  const found = new Set(FAMILIES.flatMap((family) => policyFwmarks(output('ip', `-${family}`, '-N', '-json', 'rule', 'show'))));
  if (wanted.every((fwmark) => found.has(fwmark))) return found;
  for (const family of FAMILIES) for (const fwmark of packetFwmarks(output(`${iptables(family)}-save`))) found.add(fwmark);
  return found;
}

/** @param json of `ip -N -json rule show` */
function policyFwmarks(json: string): number[] {
  return (JSON.parse(json || '[]') as { readonly fwmark?: string }[]).flatMap(({ fwmark }) =>
    fwmark === undefined ? [] : [Number(fwmark)],
  );
}

/** Without 0, which is that of packets without one. */
function packetFwmarks(saved: string): number[] {
  return [...saved.matchAll(/ --mark (0x[\da-f]+)(?:\/\S+)?/g)].map(([, mark]) => Number(mark)).filter((mark) => mark !== 0);
}

function output(program: string, ...args: string[]): string {
  try {
    return runProgram([program, ...args]);
  } catch (error) {
    if (error instanceof SetupError) return '';
    throw error;
  }
}

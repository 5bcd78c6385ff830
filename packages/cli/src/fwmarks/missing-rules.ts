import { fwmarksWithRules } from '@nfqlb/setup/fwmark-rules';

/**
 * Warns on stderr of fwmarks that no rule of this network namespace asks for while there are rules for others. Without any, the rules may come later,
 * or be in another network namespace.
 *
 * @param command as in `activate`
 */
export function warnOfMissingRules(command: string, fwmarks: readonly number[]): void {
  if (fwmarks.length === 0) return;
  const known = fwmarksWithRules();
  const missing = fwmarks.filter((fwmark) => !known.has(fwmark));
  if (known.size === 0 || missing.length === 0) return;
  const [first] = missing;
  console.error(
    `nfqlb ${command}: warning: this network namespace has rules for fwmark ${listed([...known])}, but none for ${listed(missing)}: packets go where the VIP is routed (nfqlb up … ${first}=ADDRESS)`,
  );
}

const SHOWN = 8;

function listed(fwmarks: readonly number[]): string {
  const sorted = fwmarks.toSorted((a, b) => a - b);
  const more = sorted.length > SHOWN ? ` and ${sorted.length - SHOWN} more` : '';
  return `${sorted.slice(0, SHOWN).join(', ')}${more}`;
}

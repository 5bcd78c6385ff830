import { iptables, type PresentFamily } from '../present.js';
import { FAMILIES, type Family } from '../set-up.js';

/** Rules and routes, a line each: `iptables -t mangle -A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2`. Those of a chain are in its order. */
export function linesOf(families: Readonly<Record<Family, PresentFamily>>): string[] {
  return FAMILIES.flatMap((family) => {
    const { rules, routes } = families[family];
    return [
      ...[...rules].flatMap(([table, { jumps, rules: own }]) =>
        [...jumps, ...own].map((rule) => `${iptables(family)} -t ${table} -A ${rule}`),
      ),
      ...routes.rules.map(({ fwmark, table }) => `ip -${family} rule fwmark ${fwmark} table ${table}`),
      ...routes.routes.map((route) => `ip -${family} route in table ${route}`),
    ];
  });
}

/** Lines that are missing `now`, and those that are new. Their order does not count, and the same line twice is not the same as once. */
export function differences(before: readonly string[], now: readonly string[]): string[] {
  return [...surplus(before, now).map((line) => `missing: ${line}`), ...surplus(now, before).map((line) => `added: ${line}`)];
}

/** Lines that are in `lines` more often than in `others`. */
function surplus(lines: readonly string[], others: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of others) counts.set(line, (counts.get(line) ?? 0) + 1);
  return lines.filter((line) => {
    const left = counts.get(line) ?? 0;
    counts.set(line, left - 1);
    return left <= 0;
  });
}

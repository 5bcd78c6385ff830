import type { Namespace } from '../topology/namespace.js';

/**
 * Everything that `nfqlb up` may set up in a host's namespace, for both families: packet rules, policy rules and the routes of all
 * tables. Counters and timestamps are left out, and so are empty iptables tables: iptables creates them on first access and never
 * removes them.
 */
export async function kernelState(host: Namespace): Promise<string> {
  const texts = [
    ...[4, 6].map(async (family) => rulesIn(await host.run([family === 4 ? 'iptables-save' : 'ip6tables-save']))),
    ...[4, 6].map((family) => host.ip(`-${family} rule show`)),
    ...[4, 6].map((family) => host.ip(`-${family} route show table all`)),
  ];
  return (await Promise.all(texts)).join('\n');
}

function rulesIn(saved: string): string {
  return saved
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\[\d+:\d+\]/g, '')
    .split(/^(?=\*)/m)
    .filter((table) => !/^\*\w+\n(:\w+ ACCEPT \n)*COMMIT\n$/.test(table))
    .sort()
    .join('');
}

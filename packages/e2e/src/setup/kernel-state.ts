import type { Namespace } from '../topology/namespace.js';

/**
 * All that `nfqlb up` may set up in a host's namespace, of both families: packet rules, policy rules and the routes of every table.
 * What counts and what tells the time is left out, and so are tables of iptables in which there is nothing: iptables itself
 * makes them when they are first asked for, and never takes them away.
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

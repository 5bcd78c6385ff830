import type { DeclaredTable } from '@nfqlb/configuration';
import type { VipStatus } from '@nfqlb/protocol/status';

/** What the announcement of VIPs depends on. */
export interface Circumstances {
  readonly tables: ReadonlyMap<string, Pick<DeclaredTable, 'service'>>;
  /** Whether an operator has withdrawn all VIPs. */
  readonly isDrained: boolean;
  /** Why the load balancer is not healthy; empty if it is. */
  readonly problems: readonly string[];
  /** Number of targets that a table uses. */
  readonly targetsOf: (table: string) => number;
}

/** Whether each VIP of tables with `announce: true` is to be announced, and why not. One of several tables is enough. */
export function verdictsOn({ tables, isDrained, problems, targetsOf }: Circumstances): VipStatus[] {
  const announcing = [...tables].flatMap(([name, { service }]) => (service?.announce ? [{ name, vips: service.vips }] : []));
  const vips = [...new Set(announcing.flatMap((table) => table.vips))];
  return vips.map((vip) => {
    const names = announcing.flatMap((table) => (table.vips.includes(vip) ? [table.name] : []));
    const why = whyNot(names);
    return { vip, announced: why === '', why };
  });

  function whyNot(names: readonly string[]): string {
    if (isDrained) return 'drained';
    if (problems.length > 0) return `not healthy: ${problems.join('; ')}`;
    return names.some((name) => targetsOf(name) > 0) ? '' : `no target in use: table ${names.join(', ')}`;
  }
}

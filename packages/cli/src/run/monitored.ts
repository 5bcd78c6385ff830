import type { Configuration, DeclaredTable } from '@nfqlb/configuration';
import type { MonitoredTable } from '@nfqlb/health';
import { DEFAULT_PANIC } from '@nfqlb/health/settings';

type Tables = NonNullable<Configuration['tables']>;

/** A VIP that is a single address, without its number of bits. */
const SINGLE = /^([\d.]+)\/32$|^([^.]+)\/128$/;

/** The tables whose targets have addresses, for the health monitor. */
export function monitoredTables(tables: Tables): MonitoredTable[] {
  return [...tables].flatMap(([name, { members = [], panic = DEFAULT_PANIC, service }]) =>
    members.length === 0
      ? []
      : [
          {
            name,
            panic,
            vips: (service?.vips ?? []).flatMap((vip) => SINGLE.exec(vip)?.slice(1).filter(Boolean) ?? []),
            targets: members.map(({ fwmark, addresses, health, maintenance, weight }) => {
              return { fwmark, addresses, settings: health, maintenance: maintenance || weight === 0 };
            }),
          },
        ],
  );
}

/**
 * What is declared, without the targets that are not to be used.
 *
 * @param used fwmarks that are to be active in a table; `undefined` for a table whose targets are not watched
 */
export function usedTables(tables: Tables, used: (table: string) => ReadonlySet<number> | undefined): Map<string, DeclaredTable> {
  return new Map(
    [...tables].map(([name, table]) => {
      const fwmarks = used(name);
      return [name, fwmarks ? { ...table, targets: table.targets.filter(({ fwmark }) => fwmarks.has(fwmark)) } : table];
    }),
  );
}

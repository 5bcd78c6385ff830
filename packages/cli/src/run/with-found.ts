import type { Configuration, DeclaredMember, DeclaredTable } from '@nfqlb/configuration';
import { type Cidr, cidrContains, isIpv4, parseCidr, parseIpAddress } from '@nfqlb/core/address';
import { type Answer, assignFwmarks, byRank, type Entry, nameOfSource } from '@nfqlb/discovery';

type Tables = ReadonlyMap<string, DeclaredTable>;

/** What is known of the targets that tables find, by table. */
export type Answers = ReadonlyMap<string, Answer>;

/** A target that is found, and can be used. */
interface Usable extends Entry {
  readonly table: string;
  /** By it the fwmark is chosen. */
  readonly key: string;
}

/** A target in the file. */
interface Declared {
  readonly table: string;
  readonly fwmark: number;
}

export interface WithFound {
  readonly configuration: Configuration;
  /** Why entries are left out, a sentence each. */
  readonly problems: readonly string[];
}

/**
 * A configuration with the targets that its tables have found. It depends on nothing but the two, and not on the order of the entries: so all load
 * balancers of a tier have the same.
 */
export function withFound(configuration: Configuration, answers: Answers, isOwnAddress: (address: string) => boolean): WithFound {
  const { tables } = configuration;
  if (!tables || ![...tables.values()].some(({ discovery }) => discovery)) return { configuration, problems: [] };
  const problems: string[] = [];
  const declared = declaredAddresses(tables);
  const vips = [...tables.values()].flatMap(({ service }) => (service?.vips ?? []).map((vip) => parseCidr(vip)!));
  const usable = [...tables].flatMap(([name, table]) => {
    const found = usableEntries(name, table, answers.get(name)?.entries ?? [], { declared, vips, isOwnAddress }, problems);
    return withinTable(name, table, found, problems);
  });
  const fwmarks = new Map([...declared].map(([address, { fwmark }]) => [address, fwmark]));
  const members = new Map<string, DeclaredMember[]>();
  for (const { range, names } of ranges(tables)) {
    const own = usable.filter(({ table }) => names.includes(table));
    const assigned = assignFwmarks([...new Set(own.map(({ key }) => key).filter((key) => !declared.has(key)))], range);
    for (const entry of own) {
      const { table, key, addresses, weight, drain, name } = entry;
      const fwmark = declared.get(key)?.fwmark ?? assigned.get(key);
      if (fwmark === undefined) {
        problems.push(`table ${table}: ${name}: fwmarks ${range.first}-${range.last} are too few: it is left out`);
        continue;
      }
      const other = addresses.find((address) => (fwmarks.get(address) ?? fwmark) !== fwmark);
      if (other !== undefined) {
        const problem = `${other} has fwmark ${fwmarks.get(other)} in another table: it is left out; give both tables the same fwmarks`;
        problems.push(`table ${table}: ${name}: ${problem}`);
        continue;
      }
      for (const address of addresses) fwmarks.set(address, fwmark);
      const { health } = tables.get(table)!.discovery!;
      const member = { fwmark, weight, addresses, maintenance: drain, ...(health && { health }) };
      members.set(table, [...(members.get(table) ?? []), member]);
    }
  }
  const complete = new Map([...tables].map(([name, table]) => [name, withMembers(table, members.get(name) ?? [])] as const));
  return { configuration: { ...configuration, tables: complete }, problems };
}

function withMembers(table: DeclaredTable, found: readonly DeclaredMember[]): DeclaredTable {
  if (found.length === 0) return table;
  const members = found.toSorted((a, b) => a.fwmark - b.fwmark);
  const used = members.filter(({ maintenance }) => !maintenance).map(({ fwmark, weight }) => ({ fwmark, weight }));
  return { ...table, targets: [...table.targets, ...used], members: [...(table.members ?? []), ...members] };
}

function declaredAddresses(tables: Tables): Map<string, Declared> {
  return new Map(
    [...tables].flatMap(([table, { members = [] }]) =>
      members.flatMap(({ fwmark, addresses }) => addresses.map((address): [string, Declared] => [address, { table, fwmark }])),
    ),
  );
}

/** Tables with the same fwmarks, which the same target has in all of them. */
function ranges(tables: Tables): { readonly range: { readonly first: number; readonly last: number }; readonly names: string[] }[] {
  const all = [...tables].flatMap(([name, { discovery }]) => (discovery ? [{ name, range: discovery.fwmarks }] : []));
  const firsts = [...new Set(all.map(({ range }) => range.first))];
  return firsts.map((first) => {
    const same = all.filter(({ range }) => range.first === first);
    return { range: same[0]!.range, names: same.map(({ name }) => name) };
  });
}

interface Surroundings {
  readonly declared: ReadonlyMap<string, Declared>;
  readonly vips: readonly Cidr[];
  readonly isOwnAddress: (address: string) => boolean;
}

/** Entries that can be targets. What is wrong with the others is what a configuration file would be refused for. */
function usableEntries(
  table: string,
  { service, discovery }: DeclaredTable,
  entries: readonly Entry[],
  { declared, vips, isOwnAddress }: Surroundings,
  problems: string[],
): Usable[] {
  const needed = service && {
    4: service.vips.some((vip) => isIpv4(parseCidr(vip)!.network)),
    6: service.vips.some((vip) => !isIpv4(parseCidr(vip)!.network)),
  };
  const seen = new Map<string, string>();
  return entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry): Usable[] => {
      const addresses = entry.addresses.filter((address) => !needed || needed[familyOf(address)]);
      const refuse = (problem: string): [] => {
        problems.push(`table ${table}: ${nameOfSource(discovery!.source)}: ${entry.name}: ${problem}: it is left out`);
        return [];
      };
      for (const family of [4, 6] as const) {
        if (needed?.[family] && !addresses.some((address) => familyOf(address) === family)) {
          return refuse(`it has no IPv${family} address, but a VIP of the table is IPv${family}`);
        }
      }
      // The file has precedence.
      if (addresses.some((address) => declared.get(address)?.table === table)) return [];
      for (const address of addresses) {
        const other = seen.get(address);
        if (other !== undefined) return refuse(`${address} is the address of ${other}, too`);
        if (vips.some((vip) => cidrContains(vip, parseIpAddress(address)!))) return refuse(`${address} is in a VIP`);
        if (isOwnAddress(address)) return refuse(`${address} is an address of this machine`);
      }
      for (const address of addresses) seen.set(address, entry.name);
      return [{ ...entry, table, addresses, key: addresses.find((address) => declared.has(address)) ?? addresses[0]! }];
    });
}

/** As many as the table has slots for. */
function withinTable(table: string, { N, targets }: DeclaredTable, entries: readonly Usable[], problems: string[]): readonly Usable[] {
  const free = N - targets.length;
  if (entries.length <= free) return entries;
  problems.push(
    `table ${table}: ${entries.length} targets are found, and it has ${free} slots for them: ${entries.length - free} are left out; raise N`,
  );
  const used = new Set(byRank(entries.map(({ key }) => key)).slice(0, free));
  return entries.filter(({ key }) => used.has(key));
}

function familyOf(address: string): 4 | 6 {
  return isIpv4(parseIpAddress(address)!) ? 4 : 6;
}

import { isIpv4, parseCidr } from '@nfqlb/core/address';
import { type FwmarkRange, fwmarksSchema } from '@nfqlb/discovery/settings';
import type { Surroundings } from './configuration.js';
import { fieldsOf, nameOf } from './cross-references.js';
import type { Issue } from './issue.js';

/** A table as written, as far as it can be read. */
interface Table {
  readonly path: readonly PropertyKey[];
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly range: FwmarkRange | undefined;
}

/** What is wrong between `discover`, `fwmarks` and other keys, each of which may be right by itself. */
export function discoveryFaults(document: unknown, { findsNothing }: Surroundings): Issue[] {
  const tables = Object.entries(fieldsOf(fieldsOf(document).tables)).map(([name, table]): Table => {
    const fields = fieldsOf(table);
    return { path: ['tables', name], name: nameOf(name), fields, range: fwmarksSchema.safeParse(fields.fwmarks).data };
  });
  return tables.flatMap((table, i) => [
    ...(findsNothing && table.fields.discover !== undefined
      ? [{ path: [...table.path, 'discover'], key: true, problem: `table ${table.name} has discover: only nfqlb run finds targets` }]
      : []),
    ...completenessFaults(table),
    ...dnsFaults(table),
    ...rangeFaults(table, tables.slice(0, i)),
    ...givenFwmarkFaults(table, tables),
  ]);
}

function completenessFaults({ path, name, fields }: Table): Issue[] {
  const { discover, fwmarks, permutation } = fields;
  const at = (key: string, problem: string): Issue => ({ path: [...path, key], key: true, problem: `table ${name} has ${key} ${problem}` });
  return [
    ...(discover !== undefined && fwmarks === undefined ? [at('discover', 'and needs fwmarks for what is found: fwmarks: 1000-1255')] : []),
    ...(fwmarks !== undefined && discover === undefined ? [at('fwmarks', 'and needs discover: they are for targets that are found')] : []),
    // With it, a target's share depends on its slot, and so on the order in which targets came.
    ...(discover !== undefined && permutation === 'nfqlb'
      ? [at('discover', 'and needs permutation fwmark: otherwise load balancers differ by the order in which targets came')]
      : []),
  ];
}

/** A name's addresses are of one family; which of two families belong together, only SRV records say. */
function dnsFaults({ path, fields }: Table): Issue[] {
  const { dns } = fieldsOf(fields.discover);
  if (typeof dns !== 'object' || dns === null) return [];
  const { type = 'A' } = fieldsOf(dns);
  const vips = [fields.vips].flat().flatMap((vip) => (typeof vip === 'string' ? (parseCidr(vip) ?? []) : []));
  const wrong = vips.find(({ network }) => isIpv4(network) !== (type === 'A'));
  if (type === 'SRV' || !wrong) return [];
  const isBoth = vips.some(({ network }) => isIpv4(network) === (type === 'A'));
  const problem = isBoth
    ? `type: ${String(type)} finds no address of the other family, which has VIPs, too; must be SRV, whose hosts have both`
    : `type: ${String(type)} finds no address of the VIPs’ family; must be ${isIpv4(wrong.network) ? 'A' : 'AAAA'} or SRV`;
  return [{ path: [...path, 'discover', 'dns', 'type'], key: false, problem }];
}

/** What is found in several tables may be the same target, which has one fwmark: so they have the same range, or have nothing in common. */
function rangeFaults({ path, range }: Table, earlier: readonly Table[]): Issue[] {
  if (!range) return [];
  const other = earlier.find((one) => one.range && one.range.first <= range.last && range.first <= one.range.last);
  if (!other?.range || (other.range.first === range.first && other.range.last === range.last)) return [];
  const problem = `fwmarks: some are also of table ${other.name}, ${other.range.first}-${other.range.last}; must be the same, or others`;
  return [{ path: [...path, 'fwmarks'], key: false, problem }];
}

/** Fwmarks in the file are not for what is found. */
function givenFwmarkFaults({ path, fields }: Table, tables: readonly Table[]): Issue[] {
  const { targets, ownfw } = fields;
  const listed = Array.isArray(targets)
    ? targets.map((target, i) => ({ fwmark: fieldsOf(target).fwmark, at: [...path, 'targets', i, 'fwmark'], key: false }))
    : Object.keys(fieldsOf(targets)).map((mark) => ({ fwmark: Number(mark), at: [...path, 'targets', mark], key: true }));
  return [...listed, { fwmark: ownfw, at: [...path, 'ownfw'], key: false }].flatMap(({ fwmark, at, key }): Issue[] => {
    const owner = tables.find(({ range }) => range && typeof fwmark === 'number' && fwmark >= range.first && fwmark <= range.last);
    if (!owner?.range) return [];
    const { first, last } = owner.range;
    return [{ path: at, key, problem: `fwmark ${String(fwmark)} is among ${first}-${last}, for targets that table ${owner.name} finds` }];
  });
}

import { completeHealth, tableHealthSchema, targetHealthSchema } from '@nfqlb/health/settings';
import { fieldsOf, nameOf } from './cross-references.js';
import type { Issue } from './issue.js';

/** A single address, as a VIP that a check can go to. */
const SINGLE = /(?:\.\d+\/32|:[^/]*\/128)$/;

/** Stands for the address of a target that is found. */
const FOUND = 'found';

/** What is wrong with health checks, each of whose keys may be right by itself: what their type needs or does not have. */
export function healthFaults(document: unknown): Issue[] {
  return Object.entries(fieldsOf(fieldsOf(document).tables)).flatMap(([name, table]) => faultsOf(name, fieldsOf(table)));
}

function faultsOf(name: string, { health: declared, vips, mode, targets, discover }: Readonly<Record<string, unknown>>): Issue[] {
  const path = ['tables', name];
  const table = tableHealthSchema.optional().safeParse(declared);
  if (!table.success) return [];
  if (declared !== undefined && targets !== undefined && !Array.isArray(targets)) {
    const problem = `table ${nameOf(name)} has health and needs its targets’ addresses: targets: [{ fwmark: 101, address: 192.168.1.1 }]`;
    return [{ path: [...path, 'health'], key: true, problem }];
  }
  const singles = [vips].flat().some((vip) => typeof vip === 'string' && SINGLE.test(vip));
  const listed: readonly unknown[] = Array.isArray(targets) ? targets : [];
  // Targets that are found are checked as the table says, and have an address.
  const checked = discover === undefined ? listed : [...listed, { address: FOUND }];
  const faults = checked.flatMap((target, i): Issue[] => {
    const { health, address } = fieldsOf(target);
    const own = targetHealthSchema.optional().safeParse(health);
    if (!own.success) return [];
    // A problem is where the key is, or else where the check is described.
    const at = (key: string): readonly PropertyKey[] => {
      const target = [...path, 'targets', i, 'health'];
      const shared = [...path, 'health'];
      if (fieldsOf(health)[key] !== undefined) return [...target, key];
      if (fieldsOf(declared)[key] !== undefined) return [...shared, key];
      return health === undefined ? shared : target;
    };
    const complete = completeHealth(table.data, own.data);
    if ('problems' in complete)
      return complete.problems.map(({ key, problem }) => ({ path: at(key), key: false, problem: `${key}: ${problem}` }));
    const { settings } = complete;
    if (!settings) return [];
    return [
      ...(settings.to === 'vip' && mode === 'nat'
        ? [{ path: at('to'), key: false, problem: 'to: vip is for mode dsr: only forwarded packets are translated; must be address' }]
        : []),
      ...(settings.to === 'vip' && mode !== 'nat' && !singles
        ? [{ path: at('to'), key: false, problem: 'to: there is no VIP that a check can go to: the table has no vips of a single address' }]
        : []),
      ...(address === undefined ? [{ path: at('type'), key: false, problem: 'a check needs the target’s address' }] : []),
    ];
  });
  // What a table's own check lacks is one fault, however many targets have it.
  return faults.filter(
    (fault, i) => faults.findIndex((other) => String(other.path) === String(fault.path) && other.problem === fault.problem) === i,
  );
}

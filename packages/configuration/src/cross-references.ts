import type { Surroundings } from './configuration.js';
import type { Issue } from './issue.js';

/** What is wrong with a flow that leads to no table. */
export function missingTableProblem(flow: string, table: string): string {
  return `flow ${flow}: there is no table ${table}, neither under tables nor in shared memory`;
}

/**
 * What is wrong between the parts of a document, each of which may be right by itself: flows that have the name of another, or lead to no table. The
 * document may have other faults: whatever is not a flow is passed over.
 */
export function crossReferenceFaults(document: unknown, { hasTable }: Surroundings): Issue[] {
  const { tables, flows: list } = fieldsOf(document);
  const declared = new Set(Object.keys(fieldsOf(tables)).map(nameOf));
  const flows = (Array.isArray(list) ? list : []).map(fieldsOf);
  return flows.flatMap(({ name, target }, i): Issue[] => {
    const isTaken = typeof name === 'string' && flows.findIndex((flow) => flow.name === name) < i;
    const isMissing =
      hasTable && typeof target === 'string' && IS_NAME.test(target) && !declared.has(nameOf(target)) && !hasTable(nameOf(target));
    return [
      ...(isTaken ? [{ path: ['flows', i, 'name'], key: false, problem: `name ${name}: another flow already has this name` }] : []),
      ...(isMissing ? [{ path: ['flows', i], key: false, problem: missingTableProblem(String(name), nameOf(target)) }] : []),
    ];
  });
}

/** Other names are refused as such. */
const IS_NAME = /^\/?[^/]{1,255}$/;

/** shm_open(3) allows a leading slash. */
export function nameOf(name: string): string {
  return name.replace(/^\//, '');
}

export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

// One of the processes of src/apply/concurrent-changes.test.ts: changes a table at random until it is told to stop, and prints what it did
// and when. Each has fwmarks of its own. The first also replaces the table.

import { changeTable, replaceTable } from '@nfqlb/protocol/tables';
import { makeChanges } from '../src/apply/transaction.js';

/** A change that was made, and when by the machine's monotonic clock, in milliseconds. */
export interface MadeChange {
  readonly kind: 'activate' | 'deactivate' | 'replace';
  readonly fwmark?: number;
  readonly begin: number;
  readonly end: number;
}

const FWMARKS = 4;
const OPTIONS = { M: 97, N: 64, ownFwmark: 0, permutation: 'fwmark', drain: 0 } as const;

const [, , name = '', process_ = '', seconds = ''] = process.argv;
const own = Array.from({ length: FWMARKS }, (_, i) => 1 + Number(process_) * FWMARKS + i);
const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const made: MadeChange[] = [];
/** Nobody takes flow commands there: a transaction with flows fails, and its changes of tables are undone. */
const NOBODY = { kind: 'unix', name: `${name}-nobody` } as const;

async function change(kind: MadeChange['kind'], fwmark: number): Promise<void> {
  if (kind === 'replace') replaceTable(name, OPTIONS);
  else changeTable(name, (table) => (kind === 'activate' ? table.activate([{ fwmark }]) : table.deactivate([fwmark])));
}

async function fail(): Promise<void> {
  const flow = { kind: 'define-flow', flow: { name: 'f', target: name } } as const;
  const nothing = { kind: 'set-targets', name, targets: [], activate: [], deactivate: [] } as const;
  const replaced = { kind: 'replace-table', name, table: { ...OPTIONS, targets: [] } } as const;
  await makeChanges([Math.random() < 0.5 ? nothing : replaced, flow], NOBODY).then(
    () => Promise.reject(new Error('a transaction without flows succeeded')),
    () => {},
  );
}

const until = now() + 1000 * Number(seconds);
while (now() < until) {
  const dice = Math.random();
  if (dice < 0.2) {
    await fail();
    continue;
  }
  const kind = process_ === '0' && dice < 0.25 ? 'replace' : dice < 0.65 ? 'activate' : 'deactivate';
  const fwmark = own[Math.floor(Math.random() * FWMARKS)]!;
  const begin = now();
  await change(kind, fwmark);
  made.push({ kind, ...(kind !== 'replace' && { fwmark }), begin, end: now() });
}
// Only the end matters: what came before the last replacement is gone.
console.log(JSON.stringify({ own, changes: made.length, made: made.slice(-2000) }));

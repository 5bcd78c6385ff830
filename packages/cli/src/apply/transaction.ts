import type { Change } from '@nfqlb/configuration/changes';
import { describeFailure } from '@nfqlb/options';
import { changeFlows, FlowCommandError } from '@nfqlb/protocol/flow';
import type { SocketAddress } from '@nfqlb/protocol/sockets';
import { drainFor, LOCK_TIMEOUT_MS, TableLock } from '@nfqlb/protocol/tables';

/** Undoes a change of a table. */
type Undo = () => void;

/** A configuration that could not be applied. Its changes were undone, or the message says which were not. */
class TransactionFailure extends Error {
  override readonly name = 'TransactionFailure';
  readonly code = 'NOT_APPLIED';
}

/**
 * Makes all changes, or none: first the tables, then all flows in one request, so that no flow leads to a table without its targets. The tables
 * stay locked throughout, so that undoing a change cannot undo another program's.
 *
 * @param lockTimeout maximum wait for a table that another program has locked, in milliseconds
 * @throws {@link TransactionFailure}
 */
export async function makeChanges(changes: readonly Change[], flows: SocketAddress, lockTimeout: number = LOCK_TIMEOUT_MS): Promise<void> {
  const locks = new Map<string, TableLock>();
  const undo: Undo[] = [];
  try {
    // In the same order in all programs, so that they cannot deadlock.
    for (const name of tablesOf(changes).sort()) locks.set(name, new TableLock(name, lockTimeout));
    for (const change of changes) {
      const back = changeOneTable(change, locks);
      if (back) undo.unshift(back);
    }
    await makeFlowChanges(changes, flows);
    for (const change of changes) if (change.kind === 'delete-table') locks.get(change.name)!.delete();
  } catch (cause) {
    if (mayBeInForce(cause)) throw new TransactionFailure(`${describeFailure(cause)}; tables are as declared; apply again`, { cause });
    const left = undo.flatMap(failureOf);
    const what = left.length > 0 ? `some changes could not be undone: ${left.join('; ')}` : 'nothing has changed';
    throw new TransactionFailure(`${describeFailure(cause)}; ${what}`, { cause });
  } finally {
    for (const lock of locks.values()) lock.release();
  }
}

/** Whether flows may already use the changed tables: then the tables must not be rolled back. */
function mayBeInForce(error: unknown): boolean {
  return error instanceof FlowCommandError && (error.code === 'UNKNOWN' || error.code === 'NOT_IN_USE');
}

function tablesOf(changes: readonly Change[]): string[] {
  return [...new Set(changes.flatMap((change) => ('name' in change && change.kind !== 'delete-flow' ? [change.name] : [])))];
}

function changeOneTable(change: Change, locks: ReadonlyMap<string, TableLock>): Undo | undefined {
  switch (change.kind) {
    case 'create-table':
    case 'replace-table': {
      const { name, table } = change;
      const lock = locks.get(name)!;
      const before = lock.table && contentOf(lock.table);
      lock.replace(table, (created) => created.setTargets(table.targets));
      return () => (before ? lock.replace(before, (restored) => restored.setSlots(before.slots)) : lock.delete());
    }
    case 'set-targets': {
      const { name, targets, drain } = change;
      const table = locks.get(name)!.existing;
      const { slots } = table;
      table.setTargets(targets, drainFor(table, drain));
      return () => table.setSlots(slots, drainFor(table, drain));
    }
    case 'set-drain': {
      const table = locks.get(change.name)!.existing;
      const { drain } = table;
      table.drain = change.drain;
      return () => {
        table.drain = drain;
      };
    }
    default:
      return undefined;
  }
}

type Table = NonNullable<TableLock['table']>;

function contentOf({
  M,
  N,
  ownFwmark,
  permutation,
  hashKey,
  drain,
  slots,
}: Table): Pick<Table, 'M' | 'N' | 'ownFwmark' | 'permutation' | 'hashKey' | 'drain' | 'slots'> {
  return { M, N, ownFwmark, permutation, hashKey, drain, slots };
}

async function makeFlowChanges(changes: readonly Change[], address: SocketAddress): Promise<void> {
  const define = changes.flatMap((change) => (change.kind === 'define-flow' ? [change.flow] : []));
  const names = changes.flatMap((change) => (change.kind === 'delete-flow' ? [change.name] : []));
  if (define.length + names.length === 0) return;
  const all = { define, delete: names };
  await changeFlows(address, { action: 'change', fields: { changes: JSON.stringify(all) } }, all);
}

function failureOf(undo: Undo): string[] {
  try {
    undo();
    return [];
  } catch (error) {
    return [describeFailure(error)];
  }
}

import type { Change } from '@nfqlb/configuration/changes';
import { SharedMemory } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { sendFlowCommand } from '@nfqlb/protocol/flow';
import type { SocketAddress } from '@nfqlb/protocol/sockets';
import { changeTable, createTable, openTable } from '@nfqlb/protocol/tables';

/** Takes a change of a table back. */
type Undo = () => void;

/** A configuration that could not be applied. What was changed of it was taken back, or the message says what was not. */
export class TransactionFailure extends Error {
  override readonly name = 'TransactionFailure';
  readonly code = 'NOT_APPLIED';
}

/**
 * Makes all changes, or none: tables first, and then all flows at once, so that none leads to targets that are not those it shall have.
 *
 * @throws {@link TransactionFailure}
 */
export async function makeChanges(changes: readonly Change[], flows: SocketAddress): Promise<void> {
  const undo: Undo[] = [];
  try {
    for (const change of changes) {
      const back = changeOneTable(change);
      if (back) undo.unshift(back);
    }
    await changeFlows(changes, flows);
  } catch (cause) {
    const left = undo.flatMap(failureOf);
    const what = left.length > 0 ? `not all of it could be taken back: ${left.join('; ')}` : 'nothing has changed';
    throw new TransactionFailure(`${describeFailure(cause)}; ${what}`, { cause });
  }
  for (const change of changes) if (change.kind === 'delete-table') SharedMemory.unlink(change.name);
}

function changeOneTable(change: Change): Undo | undefined {
  switch (change.kind) {
    case 'create-table': {
      const { name, table } = change;
      createTable(name, table, (created) => created.setTargets(table.targets));
      return () => SharedMemory.unlink(name);
    }
    case 'replace-table': {
      const { name, table } = change;
      const before = openTable(name);
      const { M, N, ownFwmark, permutation, slots } = before.table;
      before.memory.close();
      createTable(name, table, (created) => created.setTargets(table.targets));
      return () => createTable(name, { M, N, ownFwmark, permutation }, (restored) => restored.setSlots(slots));
    }
    case 'set-targets': {
      const { name, targets } = change;
      const before = openTable(name);
      const { slots } = before.table;
      before.memory.close();
      changeTable(name, (table) => table.setTargets(targets));
      return () => changeTable(name, (table) => table.setSlots(slots));
    }
    default:
      return undefined;
  }
}

async function changeFlows(changes: readonly Change[], address: SocketAddress): Promise<void> {
  const define = changes.flatMap((change) => (change.kind === 'define-flow' ? [change.flow] : []));
  const names = changes.flatMap((change) => (change.kind === 'delete-flow' ? [change.name] : []));
  if (define.length + names.length === 0) return;
  await sendFlowCommand(address, { action: 'change', fields: { changes: JSON.stringify({ define, delete: names }) } });
}

function failureOf(undo: Undo): string[] {
  try {
    undo();
    return [];
  } catch (error) {
    return [describeFailure(error)];
  }
}

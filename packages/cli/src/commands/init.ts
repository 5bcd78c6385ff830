import { type TableOptions, TargetTable } from '@nfqlb/core/maglev';
import { addInitOptions, Command, type InitOptions as CommonOptions } from '@nfqlb/options';
import { changeTable, createTableIfAbsent, DEFAULT_TABLE, readTable, replaceTable } from '@nfqlb/protocol/tables';
import { TABLE_NAMES } from '../completion/names.js';

interface InitOptions extends CommonOptions {
  readonly ifAbsent?: true;
}

export function initCommand(): Command {
  const command = new Command('init').description(
    'create a target table in shared memory; an existing one is replaced and loses its targets',
  );
  return addInitOptions(command as Command, DEFAULT_TABLE, TABLE_NAMES)
    .option('--if-absent', 'keep an existing table and its targets; only --drain is adopted')
    .examples(
      ['nfqlb init', 'the table nfqlb, for up to 32 targets'],
      ['nfqlb init --if-absent --shm=web --M=10007 --N=100', 'another for 100 targets, unless it exists'],
      ['nfqlb init --permutation=nfqlb', 'with the same choices as C nfqlb'],
    )
    .action(init) as Command;
}

function init({ shm = DEFAULT_TABLE, M, N, ownfw, permutation, hash, drain, ifAbsent }: InitOptions): void {
  const options = { M, N, ownFwmark: ownfw, permutation, hashKey: hash.hashKey, drain: drain ?? 0 };
  const adjusted = TargetTable.bucketsFor(options);
  const adjustment = `M adjusted; ${M} -> ${adjusted}`;
  if (ifAbsent) {
    if (createTableIfAbsent(shm, options)) {
      if (adjusted !== M) console.log(adjustment);
      return;
    }
    warnIfDifferent(shm, { ...options, M: adjusted });
    if (drain === undefined) return;
    changeTable(shm, (table) => {
      table.drain = drain;
    });
    return;
  }
  if (adjusted !== M) console.log(adjustment);
  const before = replaceTable(shm, options);
  if (before.length > 0) {
    const targets = before.length === 1 ? '1 target was' : `${before.length} targets were`;
    warn(
      `${shm}: ${targets} active (${before.join(' ')}); packets are dropped until you activate targets (init --if-absent keeps a table)`,
    );
  }
}

function warnIfDifferent(shm: string, wanted: TableOptions): void {
  const describe = ({ M, N, ownFwmark, permutation, hashKey }: TableOptions): string =>
    `--M=${M} --N=${N} --ownfw=${ownFwmark} --permutation=${permutation}${hashKey ? ' --hash=siphash' : ''}`;
  const [found, key] = readTable(shm, (table) => [describe(table), String(table.hashKey)]);
  if (found !== describe(wanted)) warn(`${shm} exists and was kept: it has ${found}`);
  else if (key !== String(wanted.hashKey)) warn(`${shm} exists and was kept: it has another hash key`);
}

function warn(text: string): void {
  console.error(`nfqlb init: warning: ${text}`);
}

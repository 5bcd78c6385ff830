import { printable } from '@nfqlb/core/explanation';
import { nameHash, type TargetTable } from '@nfqlb/core/maglev';
import { Command, text } from '@nfqlb/options';
import { askAllStatuses, type TableHealth } from '@nfqlb/protocol/status';
import { DEFAULT_TABLE, drainFor, readTable } from '@nfqlb/protocol/tables';
import { tableNames } from '../completion/names.js';
import { healthOfTable, isRemarkable, stateLine } from '../health/target-states.js';

/** How many buckets are printed. */
const SHOWN_BUCKETS = 25;

export function showCommand(): Command {
  return new Command('show')
    .description('show a target table: its size, its first buckets, its targets and their shares, and what health checks say of them')
    .option('--shm <name>', 'target table', text(tableNames), DEFAULT_TABLE)
    .option('--json', 'as JSON, with all buckets')
    .examples(['nfqlb show', 'the table nfqlb: targets, and what share each has'], ['nfqlb show --shm=web --json', 'for a program'])
    .action(async ({ shm, json }: { shm: string; json?: true }) => {
      // A load balancer that hangs keeps nobody from seeing the table.
      if (!json) console.log(readTable(shm, (table) => asText(shm, table)));
      const health = healthOfTable(await askAllStatuses((line) => console.error(`nfqlb show: health: ${line}`)), shm);
      if (json) console.log(readTable(shm, (table) => JSON.stringify(asJson(shm, table, health))));
      else if (health) console.log(healthLines(health).join('\n'));
    }) as Command;
}

interface ActiveTarget {
  readonly fwmark: number;
  readonly slot: number;
  readonly weight: number;
  /** Number of buckets that lead to it. */
  readonly buckets: number;
}

function activeTargets(table: TargetTable): ActiveTarget[] {
  const buckets = new Array<number>(table.N).fill(0);
  // Ignores invalid slots, which another program may have written.
  for (const slot of table.lookup) if (slot >= 0 && slot < table.N) buckets[slot]!++;
  return Array.from(table.active, (fwmark, slot) => ({ fwmark, slot, weight: table.weightOf(slot), buckets: buckets[slot]! })).filter(
    ({ fwmark }) => fwmark >= 0,
  );
}

/** The lines of C nfqlb, followed by lines that it does not print. */
function asText(name: string, table: TargetTable): string {
  const targets = activeTargets(table);
  const share = ({ fwmark, buckets, weight }: ActiveTarget): string =>
    ` ${fwmark}=${((100 * buckets) / table.M).toFixed(2)}%${weight === 1 ? '' : ` (weight ${weight})`}`;
  return [
    `Shm: ${name}`,
    `  Fw: own=${table.ownFwmark}`,
    `  Maglev: M=${table.M}, N=${table.N}`,
    `   Lookup:${[...table.lookup.subarray(0, SHOWN_BUCKETS)].map((slot) => ` ${slot}`).join('')}...`,
    `   Active:${targets.map(({ fwmark, slot }) => ` ${fwmark}(${slot})`).join('')}`,
    `   Share:${targets.map(share).join('')}`,
    `   Permutation: ${table.permutation}`,
    ...(table.hashKey ? [`   Hash: ${nameHash(table.hashKey)}`] : []),
    ...drainLines(table),
  ].join('\n');
}

/** How long connections keep their former targets, and which they may still have. Nothing if no drain was ever asked for. */
function drainLines(table: TargetTable): string[] {
  const { drain, draining, formerTargets, M } = table;
  const buckets = table.bucketsInTransition(drainFor(table).now);
  return [
    ...(drain > 0 ? [`   Drain: ${drain} s`] : []),
    ...(draining.length > 0 ? [`   Draining: ${draining.join(' ')}`] : []),
    ...(buckets > 0 ? [`   In transition: ${buckets} of ${M} buckets, ${secondsLeft(table, formerTargets!.latest)} s left`] : []),
  ];
}

/** What the load balancer says that checks the targets. */
function healthLines({ panic, targets }: TableHealth): string[] {
  return [
    `   Health:${targets.map(({ fwmark, state }) => ` ${fwmark}=${state}`).join('')}${panic ? ' (so many are down that all are used)' : ''}`,
    ...targets.filter(isRemarkable).map((target) => `     ${stateLine(target)}`),
  ].map(printable);
}

function secondsLeft(table: TargetTable, deadline: number): number {
  return Math.ceil((deadline - drainFor(table).now) / 1000);
}

function asJson(name: string, table: TargetTable, health: TableHealth | undefined): object {
  const { M, N, ownFwmark, permutation, hashKey, generation, drain, draining } = table;
  const inTransition = table.bucketsInTransition(drainFor(table).now);
  return {
    shm: name,
    ownFwmark,
    M,
    N,
    permutation,
    hash: nameHash(hashKey),
    generation,
    drain,
    draining,
    inTransition,
    targets: activeTargets(table),
    ...(health && { health: { panic: health.panic, targets: health.targets } }),
    lookup: [...table.lookup],
  };
}

import type { Configuration } from '@nfqlb/configuration';
import { type Change, changesBetween, commandsOf } from '@nfqlb/configuration/changes';
import { flowAddress } from '@nfqlb/protocol/flow';
import { warnOfMissingRules } from '../fwmarks/missing-rules.js';
import { readPresent } from './present.js';
import { makeChanges } from './transaction.js';

/** How to apply a configuration. */
export interface ApplyOptions {
  /** Only print the commands. */
  readonly dryRun: boolean;
  /** Print them as JSON. */
  readonly json: boolean;
  /** How long connections keep their former target, in seconds, if not as long as their table says. */
  readonly drain?: number | undefined;
}

/** Changes tables and flows to what is declared, and prints the equivalent commands. */
export async function apply(configuration: Configuration, { dryRun, json, drain }: ApplyOptions): Promise<void> {
  const address = flowAddress();
  const present = await readPresent(configuration.flows && address);
  const changes = changesBetween(present, configuration).map((change) => (change.kind === 'set-targets' ? { ...change, drain } : change));
  if (!dryRun) await makeChanges(changes, address);
  const commands = changes.flatMap(commandsOf).map((command) => `nfqlb ${command}`);
  process.stdout.write(json ? `${JSON.stringify(commands)}\n` : describe(commands));
  warnOfMissingRules('apply', [...new Set(changes.flatMap(activatedBy))]);
}

/** Fwmarks of targets that a change adds, but for that of the load balancer itself in the table of a tier. */
function activatedBy(change: Change): number[] {
  if (change.kind === 'set-targets') return change.activate.map(({ fwmark }) => fwmark);
  if (change.kind !== 'create-table' && change.kind !== 'replace-table') return [];
  const { ownFwmark, targets } = change.table;
  return targets.map(({ fwmark }) => fwmark).filter((fwmark) => fwmark !== ownFwmark);
}

function describe(commands: readonly string[]): string {
  return commands.length === 0 ? 'nothing to change\n' : commands.map((command) => `${command}\n`).join('');
}

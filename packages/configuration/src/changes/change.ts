import type { Target } from '@nfqlb/core';
import type { FlowDefinition } from '@nfqlb/core/flows';
import type { DeclaredTable } from '../configuration.js';

/** One step from the present state to the declared one. */
export type Change =
  | { readonly kind: 'create-table'; readonly name: string; readonly table: DeclaredTable }
  /** With one of another size or kind, and perhaps other targets. */
  | { readonly kind: 'replace-table'; readonly name: string; readonly table: DeclaredTable }
  | {
      readonly kind: 'set-targets';
      readonly name: string;
      /** All targets that it must have; of these, those to activate or give another weight; and those to remove. */
      readonly targets: readonly Required<Target>[];
      readonly activate: readonly Required<Target>[];
      readonly deactivate: readonly number[];
      /** How long connections keep their former target, in seconds, if not as long as the table says. */
      readonly drain?: number | undefined;
    }
  /** The default of later changes, in seconds. */
  | { readonly kind: 'set-drain'; readonly name: string; readonly drain: number }
  | { readonly kind: 'define-flow'; readonly flow: FlowDefinition }
  | { readonly kind: 'delete-flow'; readonly name: string }
  | { readonly kind: 'delete-table'; readonly name: string };

const FLOW_OPTIONS = ['target', 'priority', 'protocols', 'dsts', 'srcs', 'dports', 'sports', 'match', 'udpencap'] as const;

/** The nfqlb commands that would make the change, quoted for a shell. */
export function commandsOf(change: Change): string[] {
  switch (change.kind) {
    case 'create-table':
    case 'replace-table': {
      const { name, table } = change;
      const { M, N, ownFwmark, permutation, hash, drain, targets } = table;
      const ownfw = ownFwmark === 0 ? '' : ` --ownfw=${ownFwmark}`;
      const kind = permutation === 'fwmark' ? '' : ` --permutation=${permutation}`;
      return [
        `init --shm=${quoted(name)} --M=${M} --N=${N}${ownfw}${kind}${hash === undefined ? '' : ` --hash=${quoted(hash)}`}${drainOption(drain || undefined)}`,
        ...activations(name, targets),
      ];
    }
    case 'set-targets': {
      const { name, activate, deactivate, drain } = change;
      const out = deactivate.length > 0 ? [`deactivate --shm=${quoted(name)}${drainOption(drain)} ${deactivate.join(' ')}`] : [];
      return [...out, ...activations(name, activate, drain)];
    }
    case 'set-drain':
      return [`init --if-absent --shm=${quoted(change.name)} --drain=${change.drain}`];
    case 'define-flow': {
      const { name, ...fields } = change.flow;
      const options = FLOW_OPTIONS.flatMap((option) => {
        const value = String(fields[option] ?? '');
        if (value === '' || (value === '0' && option !== 'target')) return [];
        return `--${option === 'priority' ? 'prio' : option}=${quoted(value)}`;
      });
      return [`flow-set --name=${name} ${options.join(' ')}`];
    }
    case 'delete-flow':
      return [`flow-delete --name=${change.name}`];
    case 'delete-table':
      return [`delete --shm=${quoted(change.name)}`];
  }
}

/** One command for all targets of the same weight. */
function activations(name: string, targets: readonly Required<Target>[], drain?: number): string[] {
  return [...new Set(targets.map(({ weight }) => weight))].map((weight) => {
    const share = weight === 1 ? '' : ` --weight=${weight}`;
    const members = targets.filter((target) => target.weight === weight);
    return `activate --shm=${quoted(name)}${share}${drainOption(drain)} ${members.map(({ fwmark }) => fwmark).join(' ')}`;
  });
}

function drainOption(drain: number | undefined): string {
  return drain === undefined ? '' : ` --drain=${drain}`;
}

/** Quoted so that a shell reads it as one word. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

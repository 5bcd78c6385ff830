import { MAX_BUCKETS, type PermutationKind, type TableOptions } from '@nfqlb/core';
import {
  addDrainOptions,
  type Command,
  type DrainOptions,
  drainSeconds,
  fwmarkOrNone,
  hashOption,
  Option,
  oneOf,
  type PacketHash,
  repeatable,
  targets,
  type WeightedTarget,
  wholeNumber,
} from '@nfqlb/options';
import { configuredTables } from '../replay/configured-tables.js';
import { DECISION_DEFAULTS, DEFAULT_TABLE, DEFAULT_TARGETS, TABLE_DEFAULTS } from '../replay/defaults.js';
import type { ReplayedBalancerOptions } from '../replay/replayed-balancer.js';
import type { ScheduledChange } from '../replay/schedule.js';
import { scheduledChange } from '../replay/scheduled-change.js';
import { addStoredFragmentOptions, fragmentTableOptions, type StoredFragmentOptions } from './fragment-options.js';

/** The options of {@link addDecisionOptions} and {@link addBehaviourOptions}, with the names and defaults of `nfqlb lb` and `flowlb`. */
export interface DecisionCommandOptions extends StoredFragmentOptions, DrainOptions {
  readonly hash_mode: '0' | '1';
  readonly sctp_encap: number;
  readonly notargets_fwmark: number;
  readonly nolb_fwmark: number;
  readonly promiscuous_ping: boolean;
}

/** The options of a load balancer that a capture is sent through. */
export interface BalancerCommandOptions extends DecisionCommandOptions {
  readonly config?: string;
  readonly tshm: string;
  readonly targets: readonly WeightedTarget[];
  readonly M: number;
  readonly N: number;
  readonly permutation: PermutationKind;
  readonly hash: PacketHash;
  readonly at?: readonly ScheduledChange[];
  readonly drain?: number;
}

/** Tables, targets and flows, and how packets are decided. */
export function addBalancerOptions(command: Command): Command {
  command
    .addOption(
      new Option('--targets <list>', 'active fwmarks, each with its weight after a colon if it is not 1')
        .argParser(targets)
        .default(targets(DEFAULT_TARGETS), DEFAULT_TARGETS),
    )
    .addOption(
      new Option('--config <file>', 'tables, targets and flows, as for `nfqlb apply`').conflicts([
        'targets',
        'M',
        'N',
        'permutation',
        'hash',
      ]),
    )
    .option('--tshm <name>', TSHM, DEFAULT_TABLE)
    .option('--M <buckets>', 'buckets of the table; lowered to a prime', wholeNumber({ min: 3, max: 0xffffffff }), TABLE_DEFAULTS.M)
    .option('--N <slots>', 'most targets', wholeNumber({ min: 1, max: MAX_BUCKETS }), TABLE_DEFAULTS.N)
    .option(
      '--permutation <kind>',
      'fwmark: the same targets give the same table; nfqlb: as C nfqlb',
      oneOf('fwmark', 'nfqlb'),
      TABLE_DEFAULTS.permutation,
    )
    .addOption(hashOption());
  return addDecisionOptions(command);
}

export const TSHM = 'table of --config that balances all packets if there are no flows';

/** What of a packet is hashed, and what happens to packets that no target or flow fits. */
export function addDecisionOptions(command: Command): Command {
  return command
    .option(
      '--hash_mode <mode>',
      '1: SCTP by its ports alone; 0: everything by addresses, protocol and ports',
      oneOf('0', '1'),
      `${DECISION_DEFAULTS.hashMode}`,
    )
    .option('--sctp_encap <port>', 'UDP port that carries SCTP; 0 for none', wholeNumber({ max: 65535 }), DECISION_DEFAULTS.udpEncapPort)
    .option(
      '--notargets_fwmark <fwmark>',
      'what packets get when no target is active; -1: they are dropped',
      fwmarkOrNone,
      DECISION_DEFAULTS.noTargetsFwmark,
    )
    .option(
      '--nolb_fwmark <fwmark>',
      'what packets get that no flow matches; -1: they are dropped',
      fwmarkOrNone,
      DECISION_DEFAULTS.noFlowFwmark,
    )
    .option(
      '--promiscuous_ping',
      'an echo request goes with the first flow whose addresses match, whatever its protocols',
      false,
    ) as Command;
}

/** Fragments, changes during the capture, and drains. */
export function addBehaviourOptions(command: Command): Command {
  addStoredFragmentOptions(command)
    .option(
      '--at <seconds:command>',
      'change a table or a flow at a time in the capture, as in 1.5:"deactivate 102"; repeatable',
      repeatable(scheduledChange),
    )
    .option(
      '--drain <seconds>',
      'how long connections keep their former target when targets change; also counts those that break, even with 0 (default: that of each table)',
      drainSeconds,
    );
  addDrainOptions(command);
  return command;
}

/** @throws UsageError, or what reading and checking `--config` throws */
export async function balancerOptions(options: BalancerCommandOptions): Promise<ReplayedBalancerOptions> {
  const { tables, choice } = await choiceOf(options);
  const { drain } = options;
  return {
    tables: drain === undefined ? tables : new Map([...tables].map(([name, table]) => [name, { ...table, drain }])),
    choice,
    ...decisionOptions(options),
  };
}

/** How packets are decided, whatever the tables and flows are. */
export function decisionOptions(options: DecisionCommandOptions): Omit<ReplayedBalancerOptions, 'tables' | 'choice' | 'tier'> {
  return {
    fragments: fragmentTableOptions(options),
    connections: { connections: options.drainConnections, idle: options.drainIdle },
    balancer: {
      hashMode: options.hash_mode === '0' ? 0 : 1,
      udpEncapPort: options.sctp_encap,
      noTargetsFwmark: options.notargets_fwmark,
      noFlowFwmark: options.nolb_fwmark,
      drainsOthers: options.drainUdp === 'former',
    },
  };
}

/** The tables, and how a packet is assigned to one. */
async function choiceOf({ config, tshm, targets, promiscuous_ping: promiscuousPing, ...options }: BalancerCommandOptions): Promise<Choice> {
  if (config === undefined) return { tables: new Map([[DEFAULT_TABLE, { ...tableOptions(options), targets }]]), choice: DEFAULT_TABLE };
  const { parseConfiguration, readConfigurationText } = await import('@nfqlb/configuration');
  const configuration = parseConfiguration(await readConfigurationText(config), config, { hasTable: () => false, findsNothing: true });
  return configuredTables(configuration, config, tshm, promiscuousPing);
}

type Choice = Pick<ReplayedBalancerOptions, 'tables' | 'choice'>;

export function tableOptions({ M, N, permutation, hash }: Pick<BalancerCommandOptions, 'M' | 'N' | 'permutation' | 'hash'>): TableOptions {
  return { M, N, permutation, hashKey: hash.hashKey };
}

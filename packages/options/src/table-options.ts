import type { Command } from './command.js';
import { Option } from './command.js';
import { UsageError } from './usage-error.js';
import { DJB2, type PacketHash, packetHash } from './values/hash.js';
import { repeatable } from './values/list.js';
import { drainSeconds, fwmark, targetFwmark, wholeNumber } from './values/numbers.js';
import type { Suggest } from './values/suggestion.js';
import { oneOf, suggesting, text, words } from './values/suggestion.js';
import { type WeightedTarget, weight } from './values/targets.js';

/** What the shell offers as names of tables and as active targets. */
export interface TableNames {
  readonly tables: Suggest;
  readonly fwmarks: Suggest;
}

/** Every slot needs a bucket: the same as `MAX_BUCKETS` of core, which this package does not depend on. */
const MAX_SLOTS = 993997;

const NO_NAMES: TableNames = { tables: words(), fwmarks: words() };

/** What the options of {@link addInitOptions} give. */
export interface InitOptions {
  readonly shm?: string;
  readonly M: number;
  readonly N: number;
  readonly ownfw: number;
  readonly permutation: 'fwmark' | 'nfqlb';
  readonly hash: PacketHash;
  /** In seconds; absent if not given. */
  readonly drain?: number;
}

/** Adds the options of `init`. @param table the default of `--shm` */
export function addInitOptions(command: Command, table?: string, { tables }: TableNames = NO_NAMES): Command {
  return command
    .option('--shm <name>', 'its name', text(tables), table)
    .option('--M <buckets>', 'buckets; lowered to a prime', wholeNumber({ max: 0xffffffff }), 997)
    .option('--N <slots>', 'most targets', wholeNumber({ min: 1, max: MAX_SLOTS }), 32)
    .option('--ownfw <fwmark>', 'fwmark of this load balancer, in the table of a tier', fwmark, 0)
    .option('--permutation <kind>', 'fwmark: the same targets give the same table; nfqlb: as C nfqlb', oneOf('fwmark', 'nfqlb'), 'fwmark')
    .addOption(hashOption())
    .option(
      '--drain <seconds>',
      'how long connections keep their former target when targets change; 0: they do not (default: 0)',
      drainSeconds,
    ) as Command;
}

/** `--hash` */
export function hashOption(): Option {
  return new Option('--hash <function>', 'djb2: as C nfqlb; siphash:FILE: with the key in FILE, which nobody can aim at one target without')
    .argParser(packetHash)
    .default(DJB2, DJB2.text);
}

/** Adds `--drain` of a command that changes targets. */
function addDrainOption(command: Command): Command {
  return command.option(
    '--drain <seconds>',
    "how long connections keep their former target; 0: they do not, as when it has died (default: the table's)",
    drainSeconds,
  ) as Command;
}

/** What the options of {@link addActivateOptions} give, apart from the fwmarks. */
export interface ActivateOptions {
  readonly shm?: string;
  readonly index?: number;
  readonly weight: number;
  /** In seconds; absent for the table's own. */
  readonly drain?: number;
}

/** Adds the arguments and options of `activate`, as {@link addInitOptions} does. */
export function addActivateOptions(command: Command, table?: string, { tables }: TableNames = NO_NAMES): Command {
  return addDrainOption(
    command
      .argument('[fwmarks...]', 'the targets', repeatable(targetFwmark))
      .option('--shm <name>', 'target table', text(tables), table)
      .option('--index <slot>', 'the slot to use, from 0 to N-1', wholeNumber({ max: MAX_SLOTS - 1 }))
      .option('--weight <weight>', 'share of the buckets, in proportion to the others', weight, 1) as Command,
  );
}

/**
 * The targets given to `activate`.
 *
 * @throws {@link UsageError} for several targets in one slot
 */
export function activated(fwmarks: readonly number[] = [], { index, weight: share }: ActivateOptions): WeightedTarget[] {
  if (index !== undefined && fwmarks.length > 1) {
    throw new UsageError('invalid-value', `a slot takes one fwmark, not ${fwmarks.length}`, { option: '--index', value: String(index) });
  }
  return fwmarks.map((mark) => ({ fwmark: mark, weight: share }));
}

/** What the options of {@link addDeactivateOptions} give, apart from the fwmarks. */
export interface DeactivateOptions {
  readonly shm?: string;
  readonly index?: number;
  /** In seconds; absent for the table's own. */
  readonly drain?: number;
}

/** Adds the arguments and options of `deactivate`, as {@link addInitOptions} does. */
export function addDeactivateOptions(command: Command, table?: string, { tables, fwmarks }: TableNames = NO_NAMES): Command {
  return addDrainOption(
    command
      .argument('[fwmarks...]', 'the targets', repeatable(suggesting(fwmark, fwmarks)))
      .option('--shm <name>', 'target table', text(tables), table)
      .option('--index <slot>', 'the slot to free, from 0 to N-1', wholeNumber({ max: MAX_SLOTS - 1 })) as Command,
  );
}

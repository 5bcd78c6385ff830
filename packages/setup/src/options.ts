import type { Cidr } from '@nfqlb/core/address';
import { type Command, list, Option, oneOf, type QueueRange, queueRange, repeatable, UsageError, wholeNumber } from '@nfqlb/options';
import { composeSetUp, type GivenTarget, givenTarget, type Mode, type SetUp, vip } from './set-up.js';

/** What the options of {@link describeSetUp} give. */
export interface SetUpOptions {
  readonly vip: readonly (readonly Cidr[])[];
  readonly mode: Mode;
  readonly queue: QueueRange;
  readonly fragment_queue?: number;
  readonly forward?: true;
  readonly local?: true;
  readonly keepSource?: true;
  readonly synOnly?: true;
}

/** Gives a command the arguments and options that say what is set up. */
export function describeSetUp(command: Command, { required }: { required: boolean }): Command {
  return command
    .argument(
      required ? '<targets...>' : '[targets...]',
      'ADDRESS, or FWMARK=ADDRESS; without fwmarks they get 1, 2, 3 …',
      repeatable(givenTarget),
    )
    .addOption(
      new Option('--vip <cidr>', 'virtual address, such as 10.0.0.1/32 or 2001:db8::1/128; repeatable')
        .argParser(repeatable(list(vip)))
        .makeOptionMandatory(required),
    )
    .option(
      '--mode <mode>',
      'nat: translate the VIP to the target; dsr: route to the target, which has the VIP, too',
      oneOf('nat', 'dsr'),
      'nat',
    )
    .addOption(new Option('--queue <queue>', 'queue, or several as in 0:3').argParser(queueRange).default(queueRange('2'), '2'))
    .option(
      '--fragment_queue <queue>',
      'another queue for fragments, so that they take no room from other packets',
      wholeNumber({ max: 65535 }),
    )
    .option('--forward', 'packets that pass through this machine (default)')
    .option('--local', 'packets of programs on this machine')
    .option('--keep-source', 'with nat: keep the clients’ addresses; this machine must then be the targets’ router')
    .option('--syn-only', 'with nat: to the queue only what begins a connection; the kernel keeps its fwmark for the rest') as Command;
}

/** @throws {@link UsageError} for options that do not go together, and targets that do not go with the VIPs */
export function requestedSetUp(targets: readonly GivenTarget[], options: SetUpOptions): SetUp {
  const { mode, queue, fragment_queue: fragmentQueue, forward, local = false, keepSource = false, synOnly = false } = options;
  if (forward && local) throw new UsageError('invalid-value', 'cannot be given together with --forward', { option: '--local' });
  if (keepSource && (mode !== 'nat' || local)) {
    throw new UsageError('invalid-value', 'is for --mode=nat with --forward; otherwise the source address is kept anyway', {
      option: '--keep-source',
    });
  }
  if (synOnly && mode !== 'nat') {
    const problem =
      'needs --mode=nat; with dsr answers pass this machine by, and the kernel cannot follow a connection of which it sees one half';
    throw new UsageError('invalid-value', problem, { option: '--syn-only' });
  }
  if (fragmentQueue !== undefined && fragmentQueue >= queue.first && fragmentQueue <= queue.last) {
    throw new UsageError('invalid-value', `must be none of --queue=${formatQueues(queue)}`, {
      option: '--fragment_queue',
      value: String(fragmentQueue),
    });
  }
  return composeSetUp({
    vips: options.vip.flat(),
    targets,
    mode,
    queue,
    fragmentQueue,
    traffic: local ? 'local' : 'forward',
    keepSource,
    synOnly,
  });
}

/** As `--queue` has it: `2`, or `0:3`. */
export function formatQueues({ first, last }: QueueRange): string {
  return first === last ? `${first}` : `${first}:${last}`;
}

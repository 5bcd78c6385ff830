import type { Cidr } from '@nfqlb/core/address';
import { type Command, list, Option, oneOf, type QueueRange, queueRange, repeatable, UsageError, vip, wholeNumber } from '@nfqlb/options';
import { composeSetUp, type GivenTarget, givenTarget, type Mode, type SetUp } from './set-up.js';

/** The parsed options of {@link describeSetUp}. */
export interface SetUpOptions {
  readonly vip: readonly (readonly Cidr[])[];
  readonly mode: Mode;
  readonly queue: QueueRange;
  readonly fragment_queue?: number;
  readonly forward?: true;
  readonly local?: true;
  readonly keepSource?: true;
  readonly synOnly?: true;
  readonly fast?: true;
}

/** Adds the arguments and options of a set-up to a command. */
export function describeSetUp(command: Command, { required }: { required: boolean }): Command {
  return command
    .argument(
      required ? '<targets...>' : '[targets...]',
      'ADDRESS or FWMARK=ADDRESS; targets without a fwmark are numbered 1, 2, 3 …',
      repeatable(givenTarget),
    )
    .addOption(
      new Option('--vip <cidr>', 'virtual address, such as 10.0.0.1/32 or 2001:db8::1/128; repeatable')
        .argParser(repeatable(list(vip)))
        .makeOptionMandatory(required),
    )
    .option(
      '--mode <mode>',
      'nat: translate the VIP to the target; dsr: route to the target, which also has the VIP',
      oneOf('nat', 'dsr'),
      'nat',
    )
    .addOption(new Option('--queue <queue>', 'queue, or several as in 0:3').argParser(queueRange).default(queueRange('2'), '2'))
    .option(
      '--fragment_queue <queue>',
      'separate queue for fragments, so that they do not crowd out other packets',
      wholeNumber({ max: 65535 }),
    )
    .option('--forward', 'packets that pass through this machine (default)')
    .option('--local', 'packets of programs on this machine')
    .option('--keep-source', 'with nat: keep the clients’ addresses; this machine must then be the targets’ router')
    .option('--syn-only', 'with nat: queue only packets that open a connection; the kernel keeps the fwmark for the rest')
    .option('--fast', 'for `nfqlb lb --fast`: queue only packets that its program in the kernel has not decided') as Command;
}

/** @throws {@link UsageError} for conflicting options, and targets that do not match the VIPs */
export function requestedSetUp(targets: readonly GivenTarget[], options: SetUpOptions): SetUp {
  const { mode, queue, fragment_queue: fragmentQueue, forward, local = false, keepSource = false, synOnly = false, fast = false } = options;
  if (forward && local) throw new UsageError('invalid-value', 'cannot be given together with --forward', { option: '--local' });
  if (fast && local) {
    const problem = 'cannot be given together with --local: packets of programs on this machine do not come in at an interface';
    throw new UsageError('invalid-value', problem, { option: '--fast' });
  }
  if (keepSource && (mode !== 'nat' || local)) {
    throw new UsageError('invalid-value', 'is for --mode=nat with --forward; otherwise the source address is kept anyway', {
      option: '--keep-source',
    });
  }
  if (synOnly && mode !== 'nat') {
    const problem =
      'needs --mode=nat; with dsr answers bypass this machine, and the kernel cannot track a connection when it sees only one direction';
    throw new UsageError('invalid-value', problem, { option: '--syn-only' });
  }
  if (fragmentQueue !== undefined && fragmentQueue >= queue.first && fragmentQueue <= queue.last) {
    throw new UsageError('invalid-value', `must not be in --queue=${formatQueues(queue)}`, {
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
    fast,
  });
}

/** In the format of `--queue`: `2` or `0:3`. */
export function formatQueues({ first, last }: QueueRange): string {
  return first === last ? `${first}` : `${first}:${last}`;
}

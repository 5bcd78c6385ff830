import { Command } from '@nfqlb/options';
import { change } from '../setup/change.js';
import { checkNeighbours } from '../setup/neighbours.js';
import { describeSetUp, requestedSetUp, type SetUpOptions } from '../setup/options.js';
import { planUp } from '../setup/plan.js';
import { FAMILIES, type GivenTarget, type SetUp } from '../setup/set-up.js';
import { readSysctls, wantedSysctls } from '../setup/sysctls.js';

interface UpOptions extends SetUpOptions {
  readonly sysctl?: true;
  readonly dryRun?: true;
}

/** `nfqlb up`: leads packets to VIPs to the queue, and fwmarks to targets. */
export function upCommand(): Command {
  const command = describeSetUp(new Command('up'), { required: true })
    .description(
      'lead packets to virtual addresses (VIPs) to the queue, and from there by their fwmark to the targets; what `up` set up before is replaced',
    )
    .option('--sysctl', 'set what is needed in /proc/sys/net, too; `down` leaves that')
    .option('--dry-run', 'print the commands instead of running them');
  return command.action(up) as Command;
}

function up(targets: readonly GivenTarget[], options: UpOptions): void {
  const { dryRun = false } = options;
  const setUp = requestedSetUp(targets, options);
  if (!dryRun) checkNeighbours(setUp);
  const sysctls = wantedSysctls(setUp, readSysctls());
  change((present) => [...(options.sysctl ? sysctls : []), ...planUp(setUp, present)], { dryRun });
  for (const { name, value, problem } of sysctls) {
    if (!options.sysctl) process.stderr.write(`nfqlb up: warning: ${name} is not ${value}: ${problem}; --sysctl sets it\n`);
    else if (!dryRun) process.stdout.write(`${name} is set to ${value}\n`);
  }
  if (!dryRun) process.stdout.write(summary(setUp));
}

function summary({ vips, targets, queue: { first, last } }: SetUp): string {
  const queue = first === last ? `${first}` : `${first}:${last}`;
  const addresses = (target: SetUp['targets'][number]): string =>
    FAMILIES.map((family) => target.addresses[family])
      .filter(Boolean)
      .join(', ');
  const fwmarks = targets.map(({ fwmark }) => fwmark).join(' ');
  return [
    `queue ${queue} gets packets to ${[...vips[4], ...vips[6]].join(', ')}`,
    ...targets.map((target) => `fwmark ${target.fwmark} leads to ${addresses(target)}`),
    `next: nfqlb init; nfqlb activate ${fwmarks}; nfqlb lb --queue=${queue}`,
    '',
  ].join('\n');
}

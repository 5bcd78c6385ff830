import { Command, type QueueRange } from '@nfqlb/options';
import {
  change,
  checkNeighbours,
  checkPlanInJson,
  describeSetUp,
  FAMILIES,
  formatQueues,
  type GivenTarget,
  planInJson,
  planUp,
  readSysctls,
  requestedSetUp,
  type SetUp,
  type SetUpOptions,
  wantedSysctls,
} from '@nfqlb/setup';

interface UpOptions extends SetUpOptions {
  readonly sysctl?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `nfqlb up`: sends packets for VIPs to the queue, and from there to targets by fwmark. */
export function upCommand(): Command {
  const command = describeSetUp(new Command('up'), { required: true })
    .description(
      'send packets for virtual addresses (VIPs) to the queue, and from there to the targets by fwmark; replaces an earlier set-up',
    )
    .option('--sysctl', 'also set what is needed in /proc/sys/net; `down` does not reset it')
    .option('--dry-run', 'print the commands instead of running them')
    .addOption(planInJson());
  return command
    .examples(
      ['nfqlb up --vip=10.0.0.1/32 --mode=dsr --sysctl 192.168.1.1 192.168.1.2', 'two targets that have the VIP themselves'],
      [
        'nfqlb up --vip=10.0.0.1/32 --vip=2001:db8::1/128 --queue=0:3 101=192.168.1.1 101=2001:db8:1::1',
        'NAT over IPv4 and IPv6, four queues, fwmark 101',
      ],
      ['nfqlb up --fast --vip=10.0.0.1/32 --mode=dsr 192.168.1.1', 'for nfqlb lb --fast=eth0'],
      ['nfqlb up --vip=10.0.0.1/32 --dry-run 192.168.1.1', 'only prints the commands'],
    )
    .action(up) as Command;
}

function up(targets: readonly GivenTarget[], options: UpOptions): void {
  const { dryRun = false, json = false } = options;
  checkPlanInJson({ dryRun, json });
  const setUp = requestedSetUp(targets, options);
  if (!dryRun) checkNeighbours(setUp);
  const sysctls = wantedSysctls(setUp, readSysctls());
  change((present) => [...(options.sysctl ? sysctls : []), ...planUp([setUp], present)], { dryRun, json });
  for (const { name, value, problem } of sysctls) {
    if (!options.sysctl) process.stderr.write(`nfqlb up: warning: ${name} is not ${value}: ${problem}; --sysctl sets it\n`);
    else if (!dryRun) process.stdout.write(`${name} is set to ${value}\n`);
  }
  if (setUp.fragmentQueue !== undefined && (setUp.mode === 'nat' || setUp.traffic === 'local')) {
    const why = setUp.mode === 'nat' ? 'with --mode=nat fragments are put together' : 'with --local packets are not fragmented yet';
    process.stderr.write(`nfqlb up: warning: --fragment_queue gets nothing: before the queue, ${why}\n`);
  }
  if (!dryRun) process.stdout.write(summary(setUp));
}

function summary({ vips, targets, queue, fragmentQueue, synOnly, fast }: SetUp): string {
  const addresses = (target: SetUp['targets'][number]): string =>
    FAMILIES.map((family) => target.addresses[family])
      .filter(Boolean)
      .join(', ');
  const fwmarks = targets.map(({ fwmark }) => fwmark).join(' ');
  return [
    `queue ${formatQueues(queue)} gets ${synOnly ? 'the first packet of each connection' : 'packets'}${fast ? ' that no program in the kernel has decided,' : ''} to ${[...vips[4], ...vips[6]].join(', ')}`,
    ...(fragmentQueue === undefined ? [] : [`queue ${fragmentQueue} gets those of them that are fragments`]),
    ...targets.map((target) => `fwmark ${target.fwmark} leads to ${addresses(target)}`),
    `next: nfqlb init --if-absent; nfqlb activate ${fwmarks}; ${listeners(queue, fragmentQueue, fast)}`,
    '',
  ].join('\n');
}

/** The commands that listen to all queues. The queues of one load balancer are consecutive. */
function listeners(queue: QueueRange, fragmentQueue: number | undefined, fast: boolean): string {
  const lb = (queues: QueueRange): string => `nfqlb lb ${fast ? '--fast=INTERFACES ' : ''}--queue=${formatQueues(queues)}`;
  if (fragmentQueue === undefined) return lb(queue);
  if (fragmentQueue === queue.last + 1) return lb({ first: queue.first, last: fragmentQueue });
  if (fragmentQueue === queue.first - 1) return lb({ first: fragmentQueue, last: queue.last });
  return `${lb(queue)}, and beside it nfqlb lb --queue=${fragmentQueue} --ft_shm=ftshm${fragmentQueue}`;
}

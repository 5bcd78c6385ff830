import { setTimeout as sleep } from 'node:timers/promises';
import { readFragmentStatistics } from '@nfqlb/daemon/fragments';
import { DECIDED, FAST_REASON_NAMES, FastReason } from '@nfqlb/fast-path';
import { Command, canRedraw } from '@nfqlb/options';
import { askStatus, type FastPathStatus, findLoadBalancers } from '@nfqlb/protocol/status';

/** How often `--watch` prints. */
const INTERVAL_MS = 1000;

/** Moves to the upper left corner and clears the screen. */
const CLEAR = '\x1b[H\x1b[J';

/** Shared memory where C nfqlb writes and reads them. */
const DEFAULT_NAME = 'ftshm';

export function statsCommand(): Command {
  return new Command('stats')
    .description("print the statistics of a load balancer's fragment table as JSON; with --fast, also which way packets took")
    .option(
      '--ft_shm <name>',
      `shared memory to read. Default: ask the only load balancer in this network namespace; otherwise read ${DEFAULT_NAME}`,
    )
    .option('--watch', 'print them every second until ^C', false)
    .option('--json', 'on one line')
    .examples(
      ['nfqlb stats', 'of the load balancer that runs here'],
      ['nfqlb stats --ft_shm=ftshm', 'of shared memory, which C nfqlb writes too'],
    )
    .action(async ({ ft_shm, watch, json }: { ft_shm?: string; watch: boolean; json?: true }) => {
      const print = async (before: string): Promise<void> =>
        console.log(before + JSON.stringify(await statistics(ft_shm), undefined, json ? 0 : 2));
      if (!watch) return print('');
      // ^C is the normal way to end it.
      process.once('SIGINT', () => process.exit(0));
      const before = canRedraw(process.stdout) && !json ? CLEAR : '';
      for (;;) {
        await print(before);
        await sleep(INTERVAL_MS);
      }
    }) as Command;
}

/** Asks first: shared memory of the default name may belong to another container's load balancer. */
async function statistics(name: string | undefined): Promise<object> {
  const [queue, ...others] = name === undefined ? findLoadBalancers() : [];
  if (queue === undefined || others.length > 0) return readFragmentStatistics(name ?? DEFAULT_NAME);
  const { fragments, fastPath } = await askStatus(queue);
  return fastPath ? { ...fragments, fastPath: waysOf(fastPath) } : fragments;
}

/** How many packets were decided in the kernel, how many were left to the queue, and why. */
function waysOf({ reasons }: FastPathStatus): object {
  const sum = (isOfThese: (reason: number) => boolean): number =>
    reasons.reduce((all, { packets }, reason) => all + (isOfThese(reason) ? packets : 0), 0);
  const named = reasons.flatMap(({ packets }, reason) =>
    reason > FastReason.Other ? [[FAST_REASON_NAMES[reason] ?? reason, packets]] : [],
  );
  return {
    kernel: sum((reason) => reason < DECIDED),
    queue: sum((reason) => reason > FastReason.Other),
    reasons: Object.fromEntries(named),
  };
}

import { balanceLoad } from '@nfqlb/daemon/main';
import { Command } from '@nfqlb/options';
import { restore } from '../apply/restore.js';
import { startedInBackground } from '../takeover/background.js';
import { addFlowBalancingOptions, type FlowBalancingOptions, flowBalancingOf } from './balancing-options.js';

interface FlowLbOptions extends FlowBalancingOptions {
  readonly config?: string;
}

export function flowlbCommand(): Command {
  const command = new Command('flowlb')
    .description('load-balance the packets of one or more NFQUEUEs by flows, each with a table of targets, until SIGTERM or SIGINT')
    .option('--config <file>', 'initial flows, and tables to create if missing; a file as for `apply`') as Command;
  return addFlowBalancingOptions(command)
    .examples(
      ['nfqlb flowlb --config=nfqlb.yaml', 'with the flows and tables of a file'],
      ['nfqlb flowlb --queue=0:3 --metrics=127.0.0.1:9090', 'four threads, and metrics for Prometheus'],
    )
    .action(async (options: FlowLbOptions) => {
      if (await startedInBackground(options)) return;
      const flows = options.config === undefined ? [] : await restore(options.config);
      await balanceLoad(await flowBalancingOf('flowlb', options, flows));
    }) as Command;
}

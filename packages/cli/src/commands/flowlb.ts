import { balanceLoad } from '@nfqlb/daemon/main';
import { Command, fwmarkOrNone } from '@nfqlb/options';
import { restore } from '../apply/restore.js';
import { addBalancingOptions, type BalancingOptions, loadBalancingOf } from './balancing-options.js';

interface FlowLbOptions extends BalancingOptions {
  readonly promiscuous_ping: boolean;
  readonly nolb_fwmark: number;
  readonly config?: string;
}

export function flowlbCommand(): Command {
  const command = new Command('flowlb')
    .description('load-balance the packets of one or more NFQUEUEs by flows, each with a table of targets, until SIGTERM or SIGINT')
    .option('--promiscuous_ping', 'an echo request goes with the first flow whose addresses match, whatever its protocols', false)
    .option('--nolb_fwmark <fwmark>', 'what packets get that no flow matches; -1: they are dropped', fwmarkOrNone, -1)
    .option('--config <file>', 'initial flows, and tables to create if missing; a file as for `apply`') as Command;
  return addBalancingOptions(command)
    .examples(
      ['nfqlb flowlb --config=nfqlb.yaml', 'with the flows and tables of a file'],
      ['nfqlb flowlb --queue=0:3 --metrics=127.0.0.1:9090', 'four threads, and metrics for Prometheus'],
    )
    .action(async (options: FlowLbOptions) => {
      const common = await loadBalancingOf('flowlb', options);
      const flows = options.config === undefined ? [] : await restore(options.config);
      return balanceLoad({
        ...common,
        flows: { promiscuousPing: options.promiscuous_ping, flows },
        balancer: { ...common.balancer, noFlowFwmark: options.nolb_fwmark },
      });
    }) as Command;
}

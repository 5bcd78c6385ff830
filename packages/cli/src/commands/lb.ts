import { balanceLoad } from '@nfqlb/daemon/main';
import { Command, text, wholeNumber } from '@nfqlb/options';
import { DEFAULT_TABLE } from '@nfqlb/protocol/tables';
import { tableNames } from '../completion/names.js';
import { startedInBackground } from '../takeover/background.js';
import { addBalancingOptions, type BalancingOptions, loadBalancingOf } from './balancing-options.js';

interface LbOptions extends BalancingOptions {
  readonly tshm: string;
  readonly sctp_encap: number;
}

export function lbCommand(): Command {
  const command = new Command('lb')
    .description('load-balance the packets of one or more NFQUEUEs over the targets of a table, until SIGTERM or SIGINT')
    .option('--tshm <name>', 'target table', text(tableNames), DEFAULT_TABLE)
    .option('--sctp_encap <port>', 'UDP port that carries SCTP; 0 for none', wholeNumber({ max: 65535 }), 0) as Command;
  return addBalancingOptions(command)
    .examples(
      ['nfqlb lb', 'the packets of queue 2, by the table nfqlb'],
      ['nfqlb lb --tshm=web --queue=0:3 --metrics=127.0.0.1:9090', 'four threads, and metrics for Prometheus'],
      ['nfqlb lb --tun=nfqlb0 --lbshm=tier', 'one load balancer of a tier, which stores fragments'],
      ['nfqlb lb --fast=eth0', 'whole packets that come in at eth0 are decided in the kernel'],
    )
    .action(async (options: LbOptions) => {
      if (await startedInBackground(options)) return;
      const common = await loadBalancingOf('lb', options);
      await balanceLoad({ ...common, table: options.tshm, balancer: { ...common.balancer, udpEncapPort: options.sctp_encap } });
    }) as Command;
}

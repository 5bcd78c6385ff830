import { Command, fwmarkOrNone, oneOf, type QueueRange, queueRange, wholeNumber } from '@nfqlb/options';
import { balanceLoad } from '../daemon/load-balancing.js';
import { DEFAULT_TABLE } from '../table/shared-table.js';

interface LbOptions {
  readonly tshm: string;
  readonly queue: QueueRange;
  readonly qlength: number;
  readonly sctp_encap: number;
  readonly notargets_fwmark: number;
  readonly hash_mode: '0' | '1';
  readonly ft_shm: string;
  readonly linger: number;
}

export function lbCommand(): Command {
  return new Command('lb')
    .description('load-balance the packets of one or more NFQUEUEs over the targets of a table, until SIGTERM or SIGINT')
    .option('--tshm <name>', 'target table', DEFAULT_TABLE)
    .option('--queue <n|first:last>', 'NFQUEUEs to listen to; each has a thread of its own', queueRange, { first: 2, last: 2 })
    .option('--qlength <packets>', 'packets that may wait in a queue; more are dropped', wholeNumber({ min: 1, max: 0x7fffffff }), 1024)
    .option('--sctp_encap <port>', 'UDP port that carries SCTP; 0 for none', wholeNumber({ max: 65535 }), 0)
    .option('--notargets_fwmark <fwmark>', 'what packets get when no target is active; -1: they are dropped', fwmarkOrNone, -1)
    .option('--hash_mode <mode>', '1: SCTP by its ports alone; 0: everything by addresses, protocol and ports', oneOf('0', '1'), '1')
    .option('--ft_shm <name>', "where the fragment table's statistics are kept", 'ftshm')
    .option(
      '--linger <microseconds>',
      'how long to let packets gather after a wait: less CPU, more latency',
      wholeNumber({ max: 10_000 }),
      0,
    )
    .action((options: LbOptions) =>
      balanceLoad({
        table: options.tshm,
        queues: options.queue,
        queueLength: options.qlength,
        linger: options.linger,
        balancer: {
          hashMode: options.hash_mode === '0' ? 0 : 1,
          udpEncapPort: options.sctp_encap,
          noTargetsFwmark: options.notargets_fwmark,
        },
        fragmentStatistics: options.ft_shm,
      }),
    ) as Command;
}

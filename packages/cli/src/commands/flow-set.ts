import { defineFlow } from '@nfqlb/core/flows';
import { Command } from '@nfqlb/options';
import { flowAddress } from '../flow-socket/flow-address.js';
import { sendFlowCommand } from '../flow-socket/flow-client.js';
import type { Field } from '../flow-socket/flow-message.js';

interface FlowSetOptions {
  readonly name: string;
  readonly target: string;
  readonly prio: string;
  readonly protocols?: string;
  readonly dsts?: string;
  readonly srcs?: string;
  readonly dports?: string;
  readonly sports?: string;
  readonly match?: string;
  readonly udpencap?: string;
}

export function flowSetCommand(): Command {
  return new Command('flow-set')
    .description('define a flow, or redefine it; what is not given matches everything; lists are separated by commas')
    .requiredOption('--name <name>', 'of the flow')
    .requiredOption('--target <name>', 'target table')
    .option('--prio <number>', 'the higher wins', '0')
    .option('--protocols <list>', 'of tcp, udp, sctp')
    .option('--dsts <list>', 'destination CIDRs')
    .option('--srcs <list>', 'source CIDRs')
    .option('--dports <list>', 'destination ports, and ranges of them')
    .option('--sports <list>', 'source ports, and ranges of them')
    .option('--match <list>', 'of octets in the header of the protocol, as in tcp[12:2] & 0x02 = 2')
    .option('--udpencap <port>', 'UDP port that carries the SCTP of this flow')
    .action(async ({ name, target, prio, ...options }: FlowSetOptions) => {
      const given: Partial<Record<Field, string>> = { name, target, priority: prio, ...options };
      // Nothing goes out that would be refused, or that is not one line a field.
      defineFlow({ ...given, name, target });
      console.log(await sendFlowCommand(flowAddress(), { action: 'set', fields: given }));
    }) as Command;
}

import type { Command } from './command.js';
import { items, type Suggest, text, words } from './values/suggestion.js';

const PROTOCOLS = items(words('tcp', 'udp', 'sctp'));

/** The options that say which packets belong to a flow, as given: comma-separated lists. `undefined` matches everything. */
export interface FlowOptions {
  readonly protocols?: string;
  readonly dsts?: string;
  readonly srcs?: string;
  readonly dports?: string;
  readonly sports?: string;
  readonly match?: string;
}

/** The options of a flow that leads to targets. */
export interface TargetFlowOptions extends FlowOptions {
  readonly name: string;
  readonly target: string;
  readonly prio: string;
  readonly udpencap?: string;
}

/** What the shell offers as names of flows and tables. */
export interface FlowNames {
  readonly flows: Suggest;
  readonly tables: Suggest;
}

/** Adds the options of a flow that leads to targets. */
export function addTargetFlowOptions(command: Command, { flows, tables }: FlowNames = { flows: words(), tables: words() }): Command {
  command
    .requiredOption('--name <name>', 'of the flow', text(flows))
    .requiredOption('--target <name>', 'target table', text(tables))
    .option('--prio <number>', 'higher wins', '0');
  return addFlowOptions(command).option('--udpencap <port>', 'UDP port that carries the SCTP of this flow') as Command;
}

/** Adds the options that say which packets belong to a flow. */
export function addFlowOptions(command: Command): Command {
  return command
    .option('--protocols <list>', 'of tcp, udp, sctp', text(PROTOCOLS))
    .option('--dsts <list>', 'destination CIDRs')
    .option('--srcs <list>', 'source CIDRs')
    .option('--dports <list>', 'destination ports and port ranges')
    .option('--sports <list>', 'source ports and port ranges')
    .option('--match <list>', 'octets in the protocol header, as in tcp[12:2] & 0x02 = 2') as Command;
}

import { Command, fwmarkOrNone, oneOf, repeatable, text, UsageError, wholeNumber } from '@nfqlb/options';
import { readTable } from '@nfqlb/protocol/tables';
import { tableNames } from '../completion/names.js';
import { Decider, type DeciderOptions } from '../explain/decider.js';
import { address, composePacket, type GivenPacket, type PacketOptions, packetInHex, protocol } from '../explain/given-packet.js';
import { movedBuckets } from '../explain/moved-buckets.js';
import { asJson, asText, type WhatIfAnswer } from '../explain/report.js';
import { runningConfiguration } from '../explain/running-configuration.js';
import type { Situation } from '../explain/situation.js';
import { tryOut, type WhatIf, whatIf } from '../explain/what-if.js';

interface ExplainOptions extends PacketOptions {
  readonly packet?: readonly string[];
  readonly tshm?: string;
  readonly lbshm?: string;
  readonly hash_mode: '0' | '1';
  readonly notargets_fwmark: number;
  readonly nolb_fwmark?: number;
  readonly promiscuous_ping?: boolean;
  readonly sctp_encap?: number;
  readonly tun?: string;
  readonly mtu: number;
  readonly whatIf?: readonly WhatIf[];
  readonly json?: boolean;
}

/** Options that say what the packet is, which `--packet` says alone. */
const PARTS = ['src', 'dst', 'proto', 'sport', 'dport', 'id', 'type'] as const;

const PORT = wholeNumber({ max: 65535 });

/** `nfqlb explain`: where would this packet go, and why? */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'say where the load balancer would send a packet, and why: by the flows of the one that is running, or by a target table; nothing is sent, nothing is changed',
    )
    .option('--src <address>', 'source address', address)
    .option('--dst <address>', 'destination address', address)
    .option('--proto <protocol>', 'tcp, udp, sctp, icmp, icmp6, or a number', protocol)
    .option('--sport <port>', 'source port', PORT)
    .option('--dport <port>', 'destination port', PORT)
    .option('--id <identifier>', 'of an echo request (default: 0)', PORT)
    .option('--type <number>', 'of an ICMP message (default: that of an echo request)', wholeNumber({ max: 255 }))
    .option(
      '--packet <hex>',
      'a whole packet instead, from its IP header on; repeatable: they come one after the other',
      repeatable((hex) => hex),
    )
    .option('--what-if <command>', 'and what if this was changed, as in "deactivate 102"; repeatable', repeatable(whatIf))
    .option('--json', 'as JSON, a line for each packet')
    .option('--tshm <name>', 'go by this target table, as lb does', text(tableNames))
    .option('--lbshm <name>', "as for lb: the load balancer tier's table", text(tableNames))
    .option('--hash_mode <mode>', 'as for lb', oneOf('0', '1'), '1')
    .option('--notargets_fwmark <fwmark>', 'as for lb', fwmarkOrNone, -1)
    .option('--sctp_encap <port>', 'as for lb (default: 0)', PORT)
    .option('--nolb_fwmark <fwmark>', 'as for flowlb (default: -1)', fwmarkOrNone)
    .option('--promiscuous_ping', 'as for flowlb')
    .option('--tun <device>', 'as for lb: it stores fragments that come before their first')
    .option('--mtu <octets>', 'as for lb: longest fragment that is stored', wholeNumber({ min: 576, max: 65_531 }), 1500)
    .action(explain) as Command;
}

async function explain(options: ExplainOptions): Promise<void> {
  const packets = packetsOf(options);
  const { situation, about } = await runningConfiguration(options.tshm);
  checkMode(options, situation);
  const deciding = deciderOptions(options);
  // Opened for the error where there is none.
  if (options.lbshm !== undefined && !situation.tableOf(options.lbshm)) readTable(options.lbshm, () => {});

  const decider = new Decider(situation, deciding);
  const answers = packets.map((packet) => decider.decide(packet));
  const changed = options.whatIf && tryAll(options.whatIf, situation, answers[0]!.table?.name ?? situation.table);
  const otherwise = changed && new Decider(changed, deciding);
  const moved = changed ? movedBuckets(situation, changed) : [];
  answers.forEach((answer, i) => {
    const after: WhatIfAnswer | undefined = otherwise && {
      commands: options.whatIf!.map(({ line }) => line),
      answer: otherwise.decide(packets[i]!),
      moved,
    };
    const explanation = { answer, whatIf: after };
    if (options.json) console.log(JSON.stringify(asJson(about, explanation)));
    else process.stdout.write(`${i === 0 ? '' : '\n'}${asText(about, explanation)}`);
  });
}

/** @throws UsageError for options that do not go together */
function packetsOf({ packet, ...options }: ExplainOptions): GivenPacket[] {
  if (packet === undefined) return [composePacket(options)];
  const part = PARTS.find((name) => options[name] !== undefined);
  if (part === undefined) return packet.map(packetInHex);
  throw new UsageError('invalid-value', 'cannot be given together with --packet, which says it all', {
    option: `--${part}`,
    value: `${options[part]}`,
  });
}

/** @throws UsageError for options of the other kind of load balancer */
function checkMode({ nolb_fwmark, promiscuous_ping, sctp_encap }: ExplainOptions, { flows, table }: Situation): void {
  if (flows) {
    if (sctp_encap === undefined) return;
    throw new UsageError('invalid-value', 'is for lb; of flows, each has its own (flow-set --udpencap)', {
      option: '--sctp_encap',
      value: `${sctp_encap}`,
    });
  }
  const problem = `is for flowlb; packets go by table ${table}`;
  if (nolb_fwmark !== undefined) throw new UsageError('invalid-value', problem, { option: '--nolb_fwmark', value: `${nolb_fwmark}` });
  if (promiscuous_ping) throw new UsageError('invalid-value', problem, { option: '--promiscuous_ping' });
}

function deciderOptions(options: ExplainOptions): DeciderOptions {
  return {
    balancer: {
      hashMode: options.hash_mode === '0' ? 0 : 1,
      udpEncapPort: options.sctp_encap ?? 0,
      noTargetsFwmark: options.notargets_fwmark,
      noFlowFwmark: options.nolb_fwmark ?? -1,
    },
    promiscuousPing: options.promiscuous_ping ?? false,
    tier: options.lbshm,
    fragments: { ...FRAGMENTS, fragments: options.tun === undefined ? 0 : FRAGMENTS.fragments, mtu: options.mtu },
  };
}

/** Room for all packets that a command line can hold. */
const FRAGMENTS = { size: 997, buckets: 997, fragments: 100, ttl: 200, holes: 0 };

/** The situation after all commands, one after the other. */
function tryAll(commands: readonly WhatIf[], situation: Situation, table: string | undefined): Situation {
  const changed = situation.copy();
  for (const command of commands) tryOut(command, changed, table);
  return changed;
}

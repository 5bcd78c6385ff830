import { Command, fwmarkOrNone, oneOf, repeatable, text, UsageError, wholeNumber } from '@nfqlb/options';
import type { DecisionOptions } from '@nfqlb/protocol/status';
import { readTable } from '@nfqlb/protocol/tables';
import type { WayToTarget } from '@nfqlb/setup/path';
import { tableNames } from '../completion/names.js';
import { type Answer, Decider, type DeciderOptions, describeGiven } from '../explain/decider.js';
import { FastWays } from '../explain/fast-way.js';
import { address, composePacket, type GivenPacket, type PacketOptions, packetInHex, protocol } from '../explain/given-packet.js';
import { type Arrival, arrivalsOf, endBeforeBalancing } from '../explain/journey.js';
import { movedBuckets } from '../explain/moved-buckets.js';
import { asJson, asText, type Explanation, type WhatIfAnswer } from '../explain/report.js';
import { runningConfiguration } from '../explain/running-configuration.js';
import { type RunningLoadBalancer, runningLoadBalancers } from '../explain/running-load-balancers.js';
import type { Situation } from '../explain/situation.js';
import { tryOut, type WhatIf, whatIf } from '../explain/what-if.js';

interface ExplainOptions extends PacketOptions {
  readonly packet?: readonly string[];
  readonly tshm?: string;
  readonly lbshm?: string;
  readonly hash_mode?: '0' | '1';
  readonly notargets_fwmark?: number;
  readonly nolb_fwmark?: number;
  readonly promiscuous_ping?: boolean;
  readonly sctp_encap?: number;
  readonly tun?: string;
  readonly mtu?: number;
  readonly decisionOnly?: boolean;
  readonly iif?: string;
  readonly whatIf?: readonly WhatIf[];
  readonly json?: boolean;
}

/** Options that describe the packet, not allowed with `--packet`. */
const PARTS = ['src', 'dst', 'proto', 'sport', 'dport', 'id', 'type'] as const;

const PORT = wholeNumber({ max: 65535 });

/** `nfqlb explain`: where would this packet go, and why? */
export function explainCommand(): Command {
  return new Command('explain')
    .description(
      'follow a packet through this machine: packet rules, queue, the running load balancer with its flows, tables and options, route and neighbour; nothing is sent, nothing is changed',
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
    .option('--tshm <name>', 'decide by this target table, as lb does; implies --decision-only', text(tableNames))
    .option('--iif <device>', 'where the packet comes in (default: the device through which answers to its source leave)')
    .option('--decision-only', 'only what a load balancer would decide: packet rules, routes and its running options are not looked at')
    .option(
      '--lbshm <name>',
      "as for lb: the load balancer tier's table (default, as for the options below: what the running load balancer has)",
      text(tableNames),
    )
    .option('--hash_mode <mode>', 'as for lb', oneOf('0', '1'))
    .option('--notargets_fwmark <fwmark>', 'as for lb', fwmarkOrNone)
    .option('--sctp_encap <port>', 'as for lb', PORT)
    .option('--nolb_fwmark <fwmark>', 'as for flowlb', fwmarkOrNone)
    .option('--promiscuous_ping', 'as for flowlb')
    .option('--tun <device>', 'as for lb: it stores fragments that come before their first')
    .option('--mtu <octets>', 'as for lb: longest fragment that is stored', wholeNumber({ min: 576, max: 65_531 }))
    .examples(
      ['nfqlb explain --src=192.0.2.7 --sport=40000 --dst=10.0.0.1 --dport=80', 'a TCP packet to the VIP: where does it go, and why?'],
      ['nfqlb explain --tshm=web --src=2001:db8::7 --dst=2001:db8::1 --proto=udp --sport=40000 --dport=53', 'only what table web decides'],
      [
        'nfqlb explain --src=192.0.2.7 --sport=40000 --dst=10.0.0.1 --dport=80 --what-if="deactivate 102"',
        'what would change without target 102',
      ],
    )
    .action(explain) as Command;
}

async function explain(options: ExplainOptions): Promise<void> {
  const packets = packetsOf(options);
  const isDecisionOnly = options.decisionOnly === true || options.tshm !== undefined;
  const arrivals = isDecisionOnly ? [] : arrivalsOf(packets);
  const running = isDecisionOnly ? [] : await runningLoadBalancers();
  const explainers = new Map<RunningLoadBalancer | undefined, Explainer>();
  for (const [i, packet] of packets.entries()) {
    const arrival = arrivals[i];
    const end = arrival === undefined || typeof arrival === 'string' ? undefined : endBeforeBalancing(arrival, running);
    let about: string | undefined;
    let explanation: Explanation;
    if (end) explanation = { packet: describeGiven(packet), arrival, end };
    else {
      const balancer = balancerFor(arrival, running);
      const explainer = explainers.get(balancer) ?? (await Explainer.create(options, balancer));
      explainers.set(balancer, explainer);
      about = explainer.about;
      explanation = explainer.explain(packet, arrival);
    }
    if (options.json) console.log(JSON.stringify(asJson(about, explanation)));
    else process.stdout.write(`${i === 0 ? '' : '\n'}${asText(about, explanation)}`);
  }
}

/** The load balancer of the packet's queue; if the queue is unknown, the only one running. */
function balancerFor(arrival: Arrival | string | undefined, running: readonly RunningLoadBalancer[]): RunningLoadBalancer | undefined {
  if (arrival === undefined || typeof arrival === 'string') return running.length === 1 ? running[0] : undefined;
  const { way } = arrival;
  return way.end === 'queue' ? running.find(({ queues }) => queues.includes(way.first)) : undefined;
}

/** Decides packets as one load balancer does. */
class Explainer {
  /** What it decides by. */
  readonly about: string;
  readonly #options: ExplainOptions;
  readonly #deciding: DeciderOptions;
  readonly #situation: Situation;
  readonly #decider: Decider;
  /** The same after the commands of `--what-if`. */
  #otherwise: Decider | undefined;
  #moved: WhatIfAnswer['moved'] = [];
  readonly #fastWays: FastWays | undefined;

  private constructor(options: ExplainOptions, situation: Situation, about: string, balancer: RunningLoadBalancer | undefined) {
    const running = balancer?.options;
    checkMode(options, situation);
    this.about = about;
    this.#options = options;
    this.#deciding = deciderOptions(options, running);
    const { promiscuousPing } = this.#deciding;
    this.#fastWays = balancer?.fastPath && new FastWays(balancer.fastPath, { promiscuousPing, flows: situation.flows });
    this.#situation = situation;
    // Opened for the error if there is none.
    const { tier } = this.#deciding;
    if (tier !== undefined && !situation.tableOf(tier)) readTable(tier, () => {});
    this.#decider = new Decider(situation, this.#deciding);
  }

  static async create(options: ExplainOptions, balancer: RunningLoadBalancer | undefined): Promise<Explainer> {
    const { situation, about } = await runningConfiguration(options.tshm, balancer);
    return new Explainer(options, situation, about, balancer);
  }

  explain(packet: GivenPacket, arrival: Arrival | string | undefined): Explanation {
    const answer = this.#decider.decide(packet);
    const { whatIf: commands } = this.#options;
    if (commands && !this.#otherwise) {
      const changed = tryAll(commands, this.#situation, answer.table?.name ?? this.#situation.table);
      this.#otherwise = new Decider(changed, this.#deciding);
      this.#moved = movedBuckets(this.#situation, changed);
    }
    const after = this.#otherwise?.decide(packet);
    const whatIf = after && {
      commands: commands!.map(({ line }) => line),
      answer: after,
      delivery: this.#delivered(arrival, after),
      moved: this.#moved,
    };
    const way = arrival === undefined ? undefined : this.#fastWays?.of(packet, answer, this.#options.iif);
    return { packet: answer.packet, arrival, answer, fastWay: way, delivery: this.#delivered(arrival, answer), whatIf };
  }

  #delivered(arrival: Arrival | string | undefined, { decision: { fwmark } }: Answer): WayToTarget | undefined {
    return arrival === undefined || typeof arrival === 'string' || fwmark < 0 ? undefined : arrival.follow(fwmark, this.#options.iif);
  }
}

/** @throws UsageError for conflicting options */
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

/** Options given here take precedence, then those of the running load balancer, then the defaults of `lb` and `flowlb`. */
function deciderOptions(given: ExplainOptions, running: DecisionOptions | undefined): DeciderOptions {
  const hashMode = given.hash_mode ?? `${running?.hashMode ?? 1}`;
  const tun = given.tun ?? running?.tun;
  return {
    balancer: {
      hashMode: hashMode === '0' ? 0 : 1,
      udpEncapPort: given.sctp_encap ?? running?.udpEncapPort ?? 0,
      noTargetsFwmark: given.notargets_fwmark ?? running?.noTargetsFwmark ?? -1,
      noFlowFwmark: given.nolb_fwmark ?? running?.noFlowFwmark ?? -1,
      drainsOthers: running?.drainsOthers ?? false,
    },
    promiscuousPing: given.promiscuous_ping ?? running?.promiscuousPing ?? false,
    tier: given.lbshm ?? running?.tier,
    fragments: { ...FRAGMENTS, fragments: tun === undefined ? 0 : FRAGMENTS.fragments, mtu: given.mtu ?? running?.mtu ?? DEFAULT_MTU },
  };
}

/** Of `lb` and `flowlb`, in octets. */
const DEFAULT_MTU = 1500;

/** Room for all packets that a command line can hold. */
const FRAGMENTS = { size: 997, buckets: 997, fragments: 100, ttl: 200, holes: 0 };

/** The situation after all commands, one after the other. */
function tryAll(commands: readonly WhatIf[], situation: Situation, table: string | undefined): Situation {
  const changed = situation.copy();
  for (const command of commands) tryOut(command, changed, table);
  return changed;
}

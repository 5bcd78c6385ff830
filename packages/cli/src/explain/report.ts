import { Kind, Reason } from '@nfqlb/core';
import type { DecisionRecord } from '@nfqlb/core/explanation';
import { printable } from '@nfqlb/core/explanation';
import type { WayToTarget } from '@nfqlb/setup/path';
import type { Answer, FlowFound, TableAsked } from './decider.js';
import type { FastWay } from './fast-way.js';
import type { Arrival, End } from './journey.js';
import type { MovedBuckets } from './moved-buckets.js';

/** What happens to one packet, and what would with `--what-if`. */
export interface Explanation {
  /** In words. */
  readonly packet: string;
  /** How it reaches a queue, or why that is unknown; absent if not asked for. */
  readonly arrival: Arrival | string | undefined;
  /** Why no load balancer gets it; then there is no answer. */
  readonly end?: End;
  readonly answer?: Answer;
  /** Who decides; absent without a fast path. */
  readonly fastWay?: FastWay | undefined;
  readonly delivery?: WayToTarget | undefined;
  readonly whatIf?: WhatIfAnswer | undefined;
}

export interface WhatIfAnswer {
  readonly commands: readonly string[];
  readonly answer: Answer;
  readonly delivery: WayToTarget | undefined;
  /** How many buckets of each table would lead elsewhere. */
  readonly moved: readonly MovedBuckets[];
}

type Line = readonly [label: string, text: string];

const LABEL = 9;

/** For people: a line for each step to the answer. */
export function asText(about: string | undefined, explanation: Explanation): string {
  const { packet, arrival, end, answer, fastWay, delivery, whatIf } = explanation;
  const lines: Line[] = about === undefined ? [] : [['by', about]];
  lines.push(['packet', packet]);
  if (arrival !== undefined) lines.push(['queue', describeQueue(arrival)]);
  if (fastWay) lines.push(['way', fastWay.words]);
  if (end) lines.push(['answer', end.words]);
  if (answer) lines.push(...linesOf(answer, delivery));
  if (answer && whatIf) {
    lines.push(['what if', whatIf.commands.join('; ')]);
    const before = lines.map(String);
    lines.push(...linesOf(whatIf.answer, whatIf.delivery).filter((line) => line[0] === 'answer' || !before.includes(String(line))));
    lines.push(['change', describeChange(answer, whatIf)]);
  }
  return lines.map(([label, text]) => `${label.padEnd(LABEL)}${printable(text)}\n`).join('');
}

function describeQueue(arrival: Arrival | string): string {
  if (typeof arrival === 'string')
    return `not known: the packet rules cannot be read (${arrival}); it is taken for one that comes to the queue`;
  const { way } = arrival;
  if (way.end !== 'queue') return 'none';
  const queues = way.first === way.last ? `${way.first}` : `one of ${way.first} to ${way.last}`;
  const unless = way.unless.length > 0 ? `; unless it matches ${way.unless.join(', or ')}` : '';
  return `${queues}, by ${way.rule}${unless}`;
}

function linesOf(answer: Answer, delivery: WayToTarget | undefined): Line[] {
  const { key, decision, flow, table, words } = answer;
  const { choice } = decision;
  const lines: Line[] = [];
  if (key !== '') lines.push(['key', key.replace(/.{8}(?=.)/g, '$& ')]);
  if (flow) lines.push(['flow', describeFlow(flow)]);
  if (table) lines.push(['table', describeTable(table)]);
  if (choice) {
    const hash = `0x${choice.hash.toString(16).padStart(8, '0')}`;
    lines.push(['hash', `${hash}, over the ${choice.over}; mod ${choice.buckets} = bucket ${choice.bucket}`]);
  }
  if (table?.share !== undefined) lines.push(['fwmark', describeShare(decision.fwmark, table)]);
  if (delivery) lines.push(...deliveryLines(delivery));
  lines.push(...remarksOn(answer).map((remark): Line => ['note', remark]));
  lines.push(['answer', delivery?.problem === undefined ? words : `${words}; lost after that: ${delivery.problem}`]);
  return lines;
}

function deliveryLines({ translated, route, neighbour }: WayToTarget): Line[] {
  const lines: Line[] = [];
  if (translated !== undefined) lines.push(['nat', `destination ${translated}`]);
  if (route) {
    const gateway = route.gateway === undefined ? '' : `via ${route.gateway} `;
    const table = route.table === undefined ? '' : `, by routing table ${route.table}`;
    lines.push(['route', `${route.isLocal ? 'to this machine itself, ' : ''}${gateway}dev ${route.device}${table}`]);
  }
  if (neighbour) {
    const { address, state, linkLayerAddress } = neighbour;
    const where = linkLayerAddress === undefined ? '' : ` at ${linkLayerAddress}`;
    lines.push(['next hop', `${address}${where}, ${state === undefined ? 'not asked for yet' : state}`]);
  }
  return lines;
}

function describeFlow({ name, priority, place, flows, next }: FlowFound): string {
  const found = `${name}, priority ${priority}: the first that matches, number ${place} of ${flows} in the order in which they win`;
  if (!next) return found;
  if (!next.flow) return `${found}; no other matches`;
  const there = next.decision.fwmark >= 0 ? `fwmark ${next.decision.fwmark}` : next.words;
  return `${found}; without it ${next.flow.name}, priority ${next.flow.priority} -> ${there}`;
}

function describeTable({ name, M, N, targets }: TableAsked): string {
  return `${name}: M=${M}, N=${N}, ${targets.length === 0 ? 'no target is active' : `targets ${targets.join(' ')}`}`;
}

function describeShare(fwmark: number, { share = 0, weight = 1 }: TableAsked): string {
  return `${fwmark}, which has ${(100 * share).toFixed(2)}% of the buckets${weight === 1 ? '' : ` (weight ${weight})`}`;
}

/** Notes on packets of this kind. */
function remarksOn({ decision: { kind, reason, choice }, table }: Answer): string[] {
  const remarks: string[] = [];
  if (kind === Kind.IcmpInner) {
    remarks.push(
      'an ICMP error goes where the connection goes that it is about: its key is that of the quoted packet, source and destination swapped',
    );
  }
  if (kind === Kind.UdpEncap) remarks.push('SCTP in UDP: its key is that of the SCTP packet inside');
  if (kind === Kind.FirstFragment && reason !== Reason.FragmentToTier)
    remarks.push('a first fragment: the later ones of its datagram follow it');
  if (kind === Kind.Fragment && (reason === Reason.FragmentStored || reason === Reason.FragmentNoRoom)) {
    remarks.push(
      'a later fragment goes where its first went. The answer is for one that comes before that; give the first before it to see both',
    );
  }
  if (choice?.over === 'ports')
    remarks.push('SCTP is hashed over its ports alone, so that all paths of an association reach one target (hash_mode)');
  if (table?.transition) {
    const { former, target, seconds } = table.transition;
    const to = target < 0 ? 'to no target' : `to fwmark ${target}`;
    remarks.push(
      `targets change: for ${seconds} s, connections of this bucket that begin now go ${to}, others to fwmark ${former}, unless the load balancer remembers where they began`,
    );
  }
  return remarks;
}

function describeChange(before: Answer, { answer: after, moved }: WhatIfAnswer): string {
  const changes = [
    difference('fwmark', before.record.fwmark ?? 'none', after.record.fwmark ?? 'none'),
    difference('flow', before.flow?.name ?? 'none', after.flow?.name ?? 'none'),
    difference('table', before.table?.name ?? 'none', after.table?.name ?? 'none'),
    difference('reason', before.record.reason, after.record.reason),
  ].filter((change) => change !== undefined);
  const packet = changes.length === 0 ? 'none for this packet' : changes.join(', ');
  const tables = moved.map(
    ({ table, buckets, of }) => `of the ${of} buckets of table ${table} ${buckets} (${((100 * buckets) / of).toFixed(2)}%) lead elsewhere`,
  );
  return [packet, ...tables].join('; ');
}

function difference(what: string, before: string | number, after: string | number): string | undefined {
  return before === after ? undefined : `${what} ${before} -> ${after}`;
}

/** For programs. */
export function asJson(about: string | undefined, { packet, arrival, end, answer, fastWay, delivery, whatIf }: Explanation): object {
  const way = typeof arrival === 'object' ? arrival.way : undefined;
  const queue = way && { queue: way.end === 'queue' ? way.first : null, ...(way.rule !== undefined && { rule: way.rule }) };
  if (end) return { verdict: end.verdict, fwmark: null, reason: end.reason, packet, ...queue, explanation: end.words };
  const record = { ...recordOf(answer!), ...(fastWay && { way: fastWay.way, wayWords: fastWay.words }), ...deliveryFields(delivery) };
  if (!whatIf) return { ...record, about, ...queue };
  const after: Record<string, unknown> = { ...recordOf(whatIf.answer), ...deliveryFields(whatIf.delivery) };
  const before: Record<string, unknown> = record;
  const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (field) => !NOT_COMPARED.includes(field) && JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  return { ...record, about, ...queue, whatIf: { commands: whatIf.commands, ...after, changed, moved: whatIf.moved } };
}

function deliveryFields(delivery: WayToTarget | undefined): Record<string, unknown> {
  if (!delivery) return {};
  const { translated, route, neighbour, problem } = delivery;
  return {
    ...(translated !== undefined && { translated }),
    route: route ?? null,
    ...(neighbour && { neighbour }),
    delivered: problem === undefined,
    ...(problem !== undefined && { problem }),
  };
}

/** Fields that follow from others, or are about other packets. */
const NOT_COMPARED = ['explanation', 'next', 'place', 'share', 'targets'];

function recordOf({ record, table, flow, key, words }: Answer): Record<string, unknown> & DecisionRecord {
  return {
    ...record,
    ...(key !== '' && { key }),
    ...(flow && { priority: flow.priority, place: flow.place, ...(flow.next && { next: recordOf(flow.next) }) }),
    ...(table && { table: table.name, M: table.M, N: table.N, targets: table.targets }),
    ...(table?.share !== undefined && { share: table.share, weight: table.weight }),
    explanation: words,
  };
}

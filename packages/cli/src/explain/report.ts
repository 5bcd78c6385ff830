import { Kind, Reason } from '@nfqlb/core';
import type { DecisionRecord } from '@nfqlb/core/explanation';
import { printable } from '@nfqlb/core/explanation';
import type { Answer, FlowFound, TableAsked } from './decider.js';
import type { MovedBuckets } from './moved-buckets.js';

/** The answer about one packet; and what would be, where that was asked. */
export interface Explanation {
  readonly answer: Answer;
  readonly whatIf?: WhatIfAnswer | undefined;
}

export interface WhatIfAnswer {
  readonly commands: readonly string[];
  readonly answer: Answer;
  /** By table: how many of its buckets would lead elsewhere. */
  readonly moved: readonly MovedBuckets[];
}

type Line = readonly [label: string, text: string];

const LABEL = 9;

/** For people: a line for each step to the answer. */
export function asText(about: string, { answer, whatIf }: Explanation): string {
  const lines = [['by', about] as const, ...linesOf(answer)];
  if (whatIf) {
    lines.push(['what if', whatIf.commands.join('; ')]);
    const before = linesOf(answer).map(String);
    lines.push(...linesOf(whatIf.answer).filter((line) => line[0] === 'answer' || !before.includes(String(line))));
    lines.push(['change', describeChange(answer, whatIf)]);
  }
  return lines.map(([label, text]) => `${label.padEnd(LABEL)}${printable(text)}\n`).join('');
}

function linesOf(answer: Answer): Line[] {
  const { packet, key, decision, flow, table, words } = answer;
  const { choice } = decision;
  const lines: Line[] = [['packet', packet]];
  if (key !== '') lines.push(['key', key.replace(/.{8}(?=.)/g, '$& ')]);
  if (flow) lines.push(['flow', describeFlow(flow)]);
  if (table) lines.push(['table', describeTable(table)]);
  if (choice) {
    const hash = `0x${choice.hash.toString(16).padStart(8, '0')}`;
    lines.push(['hash', `${hash}, over the ${choice.over}; mod ${choice.buckets} = bucket ${choice.bucket}`]);
  }
  if (table?.share !== undefined) lines.push(['fwmark', describeShare(decision.fwmark, table)]);
  lines.push(...remarksOn(answer).map((remark): Line => ['note', remark]));
  lines.push(['answer', words]);
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

/** What is special about a packet of its kind. */
function remarksOn({ decision: { kind, reason, choice } }: Answer): string[] {
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
export function asJson(about: string, { answer, whatIf }: Explanation): object {
  const record = recordOf(answer);
  if (!whatIf) return { ...record, about };
  const after = recordOf(whatIf.answer);
  const changed = [...new Set([...Object.keys(record), ...Object.keys(after)])].filter(
    (field) => !APART.includes(field) && JSON.stringify(record[field]) !== JSON.stringify(after[field]),
  );
  return { ...record, about, whatIf: { commands: whatIf.commands, ...after, changed, moved: whatIf.moved } };
}

/** Fields that follow from others, or are about other packets. */
const APART = ['explanation', 'next', 'place', 'share', 'targets'];

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

// Trace areas, one bit each: the same as in C nfqlb.

import { list, oneOf, UsageError, type ValueParser } from '@nfqlb/options';

export const Area = {
  /** Log messages. */
  Log: 1,
  /** Every packet. */
  Packet: 2,
  /** Every fragment. */
  Fragment: 4,
  /** Flow commands and their results. */
  FlowConf: 8,
  /** Every SCTP packet, including SCTP in UDP. */
  Sctp: 16,
  /** Changes of targets in target tables. */
  Target: 32,
  /** Every packet that a trace flow matches. */
  Flows: 64,
} as const;

/** Areas whose lines describe packets. */
export const PACKET_AREAS: number = Area.Packet | Area.Fragment | Area.Sctp | Area.Flows;

type AreaName = 'log' | 'packet' | 'frag' | 'flow-conf' | 'sctp' | 'target' | 'flows';
const NAMES: Readonly<Record<AreaName, number>> = {
  log: Area.Log,
  packet: Area.Packet,
  frag: Area.Fragment,
  'flow-conf': Area.FlowConf,
  sctp: Area.Sctp,
  target: Area.Target,
  flows: Area.Flows,
};
export const AREA_NAMES: readonly AreaName[] = Object.keys(NAMES) as AreaName[];

const MAX_MASK = 0xffffffff;

/** Parses names of areas, `log,packet`. */
export const selection: ValueParser<number> = (text) =>
  list(oneOf(...AREA_NAMES))(text).reduce<number>((mask, name) => mask | NAMES[name], 0);

/** Parses a mask, decimal or 0x hexadecimal; bits that are not areas are ignored. */
export const traceMask: ValueParser<number> = (text) => {
  const mask = Number(text);
  if (/^(\d+|0x[0-9a-f]+)$/i.test(text) && mask <= MAX_MASK) return mask;
  throw new UsageError('invalid-value', `must be a number from 0 to ${MAX_MASK}, or 0x0 to 0x${MAX_MASK.toString(16)}`, { value: text });
};

export function formatMask(mask: number): string {
  return `0x${(mask >>> 0).toString(16).padStart(8, '0')}`;
}

/** Names of the areas in a mask, `log,packet`. */
export function areaNames(mask: number): string {
  return AREA_NAMES.filter((name) => (mask & NAMES[name]) !== 0).join(',');
}

/** All areas. */
export const ALL_AREAS: number = Object.values(Area).reduce<number>((all, area) => all | area, 0);

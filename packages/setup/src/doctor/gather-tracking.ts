import { readFileSync } from 'node:fs';
import type { TrackingFacts } from './facts.js';
import type { PacketRules } from './queue-rules.js';
import { readable } from './readable.js';
import { trackingRules } from './tracking-check.js';

/**
 * How long to look whether packets are tracked, in milliseconds. The kernel tells what is left of a connection's time in whole seconds: one that
 * no packet comes to loses two of them meanwhile, one that lives on may seem to have lost one.
 */
const LOOK = 2100;

/**
 * Entries stay for their time, minutes or days, after the last rule that asked for them has gone; what no rule asks for, others may
 * track, such as Open vSwitch. It shows in whether entries are made, or live on, while there are packets.
 */
export function readTracking(rules: PacketRules): TrackingFacts {
  const count = readCount();
  const { own, foreign } = trackingRules(rules);
  if (count === 0 || own.length + foreign.length > 0) return { count, goesOn: undefined };
  const before = readEntries();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK);
  const after = readEntries();
  // The kernel may be built without the list.
  return { count, goesOn: before && after ? isTracking(before, after) : readCount() > count };
}

function readCount(): number {
  return readable(() => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'))) ?? 0;
}

function readEntries(): ReadonlyMap<string, number> | undefined {
  return readable(() => parseEntries(readFileSync('/proc/net/nf_conntrack', 'latin1')));
}

/**
 * Connections, and the seconds that are left of each.
 *
 * @param text /proc/net/nf_conntrack: `ipv4 2 tcp 6 431999 ESTABLISHED src=10.2.0.1 dst=… sport=… dport=… src=… … use=2`. An entry
 *   that is offloaded has no time.
 */
export function parseEntries(text: string): ReadonlyMap<string, number> {
  const entries = new Map<string, number>();
  for (const [, protocols, seconds, tuple] of text.matchAll(
    /^(\S+ +\d+ +\S+ +\d+) +(\d+)?.*?\b(src=\S+ dst=\S+ (?:(?!src=)\S+=\S+ )*)/gm,
  )) {
    entries.set(`${protocols} ${tuple}`, Number(seconds ?? Number.POSITIVE_INFINITY));
  }
  return entries;
}

/** Whether packets have been tracked between two looks that are more than two seconds apart: an entry is new, or has not lost so much of its time. */
export function isTracking(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  return [...after].some(([entry, seconds]) => seconds > (before.get(entry) ?? 0) - 2);
}

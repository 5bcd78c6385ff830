import { readFileSync } from 'node:fs';
import type { TrackingFacts } from './facts.js';
import type { PacketRules } from './queue-rules.js';
import { readable } from './readable.js';
import { trackingRules } from './tracking-check.js';

/**
 * How long to watch for tracked packets. The kernel shows the remaining time of a connection in whole seconds: an idle connection loses two
 * of them meanwhile, an active one may seem to lose one.
 */
const WATCH_MS = 2100;

/**
 * Entries outlive the last rule that needed them by minutes or days, and others, such as Open vSwitch, may track connections without
 * a rule. Tracking is active if entries are created or refreshed while there are packets.
 */
export function readTracking(rules: PacketRules): TrackingFacts {
  const count = readCount();
  const { own, foreign } = trackingRules(rules);
  if (count === 0 || own.length + foreign.length > 0) return { count, goesOn: undefined };
  const before = readEntries();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WATCH_MS);
  const after = readEntries();
  // The kernel may be built without that file.
  return { count, goesOn: before && after ? isTracking(before, after) : readCount() > count };
}

function readCount(): number {
  return readable(() => Number(readFileSync('/proc/sys/net/netfilter/nf_conntrack_count', 'utf8'))) ?? 0;
}

function readEntries(): ReadonlyMap<string, number> | undefined {
  return readable(() => parseEntries(readFileSync('/proc/net/nf_conntrack', 'latin1')));
}

/**
 * Connections, and the remaining seconds of each.
 *
 * @param text /proc/net/nf_conntrack: `ipv4 2 tcp 6 431999 ESTABLISHED src=10.2.0.1 dst=… sport=… dport=… src=… … use=2`. An
 *   offloaded entry has no time.
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

/** Whether packets were tracked between two reads more than two seconds apart: an entry is new, or has lost less than two seconds. */
export function isTracking(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  return [...after].some(([entry, seconds]) => seconds > (before.get(entry) ?? 0) - 2);
}

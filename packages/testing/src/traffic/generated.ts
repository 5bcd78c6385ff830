import { DEFAULT_TRAFFIC, generateTraffic, type TrafficOptions } from '@nfqlb/sim/laboratory';
import { TestingError } from '../testing-error.js';
import type { TimedPacket } from './traffic.js';

/** Parts of a mix, relative to each other: `{ tcp: 3, udp: 1 }`. */
type Parts<Name extends string> = Readonly<Partial<Record<Name, number>>>;

/** The options of `nfqlb-sim generate`, with its defaults. */
export interface GeneratedOptions {
  /** Default 10,000; at least 3. */
  readonly packets?: number;
  /** The same one gives the same traffic. Default 1. */
  readonly seed?: number;
  /** Packets per second. Default 100,000. */
  readonly rate?: number;
  /** Flows at a time. Default 1000. */
  readonly flows?: number;
  /** Mean number of data packets of a flow. Default 10. */
  readonly length?: number;
  readonly protocols?: Parts<'tcp' | 'udp' | 'sctp' | 'icmp'>;
  /** By length of the packet in octets. */
  readonly sizes?: Parts<`${number}`>;
  /** How many addresses flows go to: 192.0.2.1 and the next, 2001:db8:ffff::1:0 and the next. Default 1. */
  readonly vips?: number;
  /** Percentages: flows of IPv6 (default 50), UDP flows in fragments, packets that an ICMP error follows, SCTP associations of two paths. */
  readonly ipv6?: number;
  readonly fragments?: number;
  readonly errors?: number;
  readonly multihoming?: number;
  /** Percentage of packets that attack, and of what kind. */
  readonly attack?: number;
  readonly attacks?: Parts<'syn' | 'udp' | 'fragments' | 'aimed'>;
}

/** Generated traffic, as by `nfqlb-sim generate`. */
export function* generated(options: GeneratedOptions = {}): Iterable<TimedPacket> {
  const { protocols, sizes, attacks, fragments, multihoming, ...plain } = options;
  const all: TrafficOptions = {
    ...DEFAULT_TRAFFIC,
    ...plain,
    ...(fragments !== undefined && { fragmented: fragments }),
    ...(multihoming !== undefined && { multihomed: multihoming }),
    ...(protocols && { protocols: mix(protocols) }),
    ...(sizes && { sizes: mix(sizes) }),
    ...(attacks && { attacks: mix(attacks) }),
  };
  if (!(all.packets >= 3)) throw new TestingError(`generated: packets ${all.packets}: must be at least 3`);
  const packets: TimedPacket[] = [];
  let begin: number | undefined;
  generateTraffic(all, (bytes, seconds, nanoseconds) => {
    begin ??= seconds;
    packets.push({ bytes: bytes.slice(), time: seconds - begin + nanoseconds / 1e9 });
  });
  yield* packets;
}

function mix<Name extends string>(parts: Parts<Name>): ReadonlyMap<Name, number> {
  return new Map(Object.entries(parts) as [Name, number][]);
}

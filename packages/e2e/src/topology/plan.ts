/**
 * The hosts of a topology and the wires between them. Every namespace has its own address space, so all topologies use the
 * same addresses.
 *
 *              ┌────────┐  lb1        client ┌─────┐ t1         lb1 ┌────┐
 *              │ client ├────────────────────┤ lb1 ├────────────────┤ t1 │ VIP (DSR)
 *              └─┬────┬─┘                    └──┬──┘ t2         lb1 └─┬──┘
 *                │ t1 │ t2                      └───────────────┐     │ client
 *                │    │ DSR: answers come straight back         │     │
 *                │    └──────────────────────────────────────── t2    │
 *                └────────────────────────────────────────────────────┘
 *
 * A device is named after the host at its other end. With several LBs each has a wire to the client, to every target and to
 * every other LB.
 *
 * With a narrow link two routers are between the client and all other hosts, whose wires to the client then end at `router`:
 *
 *     ┌────────┐ gate      client ┌──────┐ router           gate ┌────────┐ lb1 …
 *     │ client ├──────────────────┤ gate ├───────────────────────┤ router ├─────── LBs
 *     └────────┘                  └──────┘   of a smaller MTU    └───┬────┘
 *                                                                    └─────────── targets (DSR)
 */

/** How answers return. `dsr`: directly from the target, which has the VIP. `nat`: through the LB, which translates the VIP. */
export type Mode = 'dsr' | 'nat';

export interface TopologyOptions {
  /** Default 1; at most 99. */
  readonly targets?: number;
  /** Load balancers, over which the client spreads its flows. Default 1; more only with `dsr`, at most 9. */
  readonly lbs?: number;
  /** Default `dsr`. */
  readonly mode?: Mode;
  /** MTU of a link between the client and all other hosts, octets: 1280-1500. Default: no such link. */
  readonly narrow?: number;
}

/** An end of a wire. */
export interface LinkEnd {
  /** The host it belongs to. */
  readonly host: string;
  readonly device: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** For `ip link add`: a device that resolves no addresses, and joins and reports no multicast groups. */
export const SILENT = 'arp off multicast off';

/** A veth pair. */
export type Link = readonly [LinkEnd, LinkEnd];

export interface Plan {
  readonly mode: Mode;
  readonly lbs: readonly string[];
  readonly targets: readonly string[];
  readonly links: readonly Link[];
  /** Next hop towards the client: the client itself, or a router. */
  readonly edge: typeof CLIENT | typeof ROUTER;
  /** MTU of the link between the two routers, if any. */
  readonly narrow: number | undefined;
}

export const CLIENT = 'client';
/** The router at the client's end of the narrow link. */
export const GATE = 'gate';
/** The router at the other end of the narrow link. */
export const ROUTER = 'router';

export const VIP4 = '10.0.0.1';
export const VIP6 = '1000::1';

/** The client can send from any address in these, for many flows. */
export const CLIENT_SOURCES4 = '10.2.0.0/16';
export const CLIENT_SOURCES6 = 'fd00:2::/64';
export const FIRST_SOURCE4 = '10.2.0.1';
export const FIRST_SOURCE6 = 'fd00:2::1';

/** The fwmark that routes to target `number` (starting at 1). */
export const targetFwmark = (number: number): number => 100 + number;

/** The fwmark that routes to LB `number` (starting at 1), its `--ownfw`. */
export const lbFwmark = (number: number): number => 200 + number;

export function plan({ targets: targetCount = 1, lbs: lbCount = 1, mode = 'dsr', narrow }: TopologyOptions): Plan {
  const lbs = numbered('lb', lbCount);
  const targets = numbered('t', targetCount);
  const links: Link[] = [];
  const wire = (a: string, b: string): void => {
    links.push([linkEnd(links.length, 1, a, b), linkEnd(links.length, 2, b, a)]);
  };
  const edge = narrow === undefined ? CLIENT : ROUTER;
  if (edge === ROUTER) {
    wire(CLIENT, GATE);
    wire(GATE, ROUTER);
  }
  for (const lb of lbs) wire(edge, lb);
  for (const lb of lbs) for (const target of targets) wire(lb, target);
  for (const [i, lb] of lbs.entries()) for (const other of lbs.slice(i + 1)) wire(lb, other);
  if (mode === 'dsr') for (const target of targets) wire(target, edge);
  return { mode, lbs, targets, links, edge, narrow };
}

function numbered(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${name}${i + 1}`);
}

function linkEnd(link: number, end: 1 | 2, host: string, device: string): LinkEnd {
  const hex = link.toString(16);
  return {
    host,
    device,
    mac: `02:00:00:${hex.padStart(4, '0').replace(/(..)(..)/, '$1:$2')}:0${end}`,
    ipv4: `10.${100 + (link >> 8)}.${link & 0xff}.${end}`,
    ipv6: `fd00:1:0:${hex}::${end}`,
  };
}

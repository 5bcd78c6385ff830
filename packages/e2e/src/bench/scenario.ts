import type { SendOptions } from '../traffic/sender.js';
import type { Family } from './figures.js';

/** What contenders are measured with: their set-up, and the traffic through them. */
export interface Scenario {
  /** For `--scenario`, and for names of files. */
  readonly name: string;
  /** A line that says what is sent through what. */
  readonly title: string;
  /** IP versions, unless `--families` says otherwise. */
  readonly families: readonly Family[];
  readonly site: Site;
  readonly traffic: Traffic;
  /** For nfqlb by the queue: what arrives at saturation, as a multiple of C nfqlb's. */
  readonly goal?: { readonly timesC: number };
}

/** The load balancer's side. */
export interface Site {
  /** Each has a thread. With one, the load balancer has a CPU of its own; with more, it runs anywhere. Default 1. */
  readonly queues?: number;
  /** `flowlb` with so many flows, of which the one that matches the packets has the lowest priority. Default: `lb`. */
  readonly flows?: number;
  /** Datagrams come in fragments: tables have room for them, and the target's kernel too. */
  readonly fragments?: boolean;
  /** Devices join and split packets (GRO, GSO, TSO), and leave out checksums. */
  readonly offload?: boolean;
  /** Compares a table at rest with one in transition, besides forwarding. */
  readonly transition?: boolean;
}

export type Traffic = Datagrams | Bulk | Connections;

/** UDP, counted in IP packets. */
export interface Datagrams {
  readonly kind: 'datagrams';
  /** IP packets of each datagram. */
  readonly packetsEach: number;
  /** Connections: the product of the two. */
  readonly sourceAddresses: number;
  readonly sourcePorts: number;
  readonly send: Pick<SendOptions, 'length' | 'fragmentOctets'>;
}

/** One TCP connection that sends as fast as it can, counted in bits. */
export interface Bulk {
  readonly kind: 'bulk';
}

/** TCP connections of one request and one answer each, counted in connections. */
export interface Connections {
  readonly kind: 'connections';
}

/** What traffic is counted in. */
export interface Unit {
  readonly each: string;
  /** Unit of a figure in a table, which is this many. */
  readonly perSecond: string;
  readonly scale: number;
  readonly digits: number;
}

export const UNITS: Readonly<Record<Traffic['kind'], Unit>> = {
  datagrams: { each: 'packet', perSecond: 'thousand packets/s', scale: 1000, digits: 0 },
  bulk: { each: 'bit', perSecond: 'Gbit/s', scale: 1e9, digits: 2 },
  connections: { each: 'connection', perSecond: 'thousand connections/s', scale: 1000, digits: 1 },
};

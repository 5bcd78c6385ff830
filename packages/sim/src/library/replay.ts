import type { Capture } from '@nfqlb/captures';
import { END } from '@nfqlb/core';
import { configuredTables } from '../replay/configured-tables.js';
import { DECISION_DEFAULTS, DEFAULT_TABLE, DEFAULT_TARGETS, FRAGMENT_DEFAULTS, TABLE_DEFAULTS } from '../replay/defaults.js';
import { decide } from '../replay/replay.js';
import { ReplayedBalancer, type ReplayedBalancerOptions } from '../replay/replayed-balancer.js';
import { Schedule } from '../replay/schedule.js';
import { checkChanges, scheduledChange } from '../replay/scheduled-change.js';
import { Tally } from '../replay/tally.js';
import type { ReplayedDecision } from './replayed-decision.js';

/** A target. */
export interface ReplayedTarget {
  readonly fwmark: number;
  /** Share of the packets, relative to the other targets' weights. Default 1. */
  readonly weight?: number;
}

/** Sizes of the fragment table, as of the options of `nfqlb lb` in parentheses. */
export interface ReplayFragments {
  /** Buckets; best a prime. Default 500 (`--ft_size`). */
  readonly size?: number;
  /** Extra entries, for datagrams that share a bucket. Default 500 (`--ft_buckets`). */
  readonly buckets?: number;
  /** Fragments that can be stored until their first one comes; 0 as without a tun device. Default 100 (`--ft_frag`). */
  readonly fragments?: number;
  /** Longest fragment that is stored, in octets. Default 1500 (`--mtu`). */
  readonly mtu?: number;
  /** How long a datagram's entry lives after its last use, in milliseconds. Default 200 (`--ft_ttl`). */
  readonly ttl?: number;
  /** Holes for tracking missing parts of datagrams. Default 0 (`--reassembler`). */
  readonly holes?: number;
}

/** What a capture is sent through. The names in parentheses are those of the options of `nfqlb-sim replay`. */
export interface ReplayOptions {
  /** Active targets. Default: fwmarks 101 to 104 (`--targets`). */
  readonly targets?: readonly ReplayedTarget[];
  /** Buckets and slots of the table (`--M`, `--N`). Default 997 and 32. */
  readonly M?: number;
  readonly N?: number;
  /** How the table is made (`--permutation`). Default `fwmark`. */
  readonly permutation?: 'fwmark' | 'nfqlb';
  /** Text of a configuration file, YAML, with tables and flows: instead of targets and table (`--config`). */
  readonly configuration?: string;
  /** Changes in time, as in `--at`: `1.5:deactivate 102`. */
  readonly changes?: readonly string[];
  readonly fragments?: ReplayFragments;
  /** 1: SCTP by its ports alone. Default 1 (`--hash_mode`). */
  readonly hashMode?: 0 | 1;
  /** UDP port that carries SCTP. Default 0: none (`--sctp_encap`). */
  readonly udpEncapPort?: number;
  /** What packets get when no target is active. Default −1: dropped (`--notargets_fwmark`). */
  readonly noTargetsFwmark?: number;
  /** What packets get that no flow matches. Default −1: dropped (`--nolb_fwmark`). */
  readonly noFlowFwmark?: number;
  /** Whether an echo request goes with the first flow whose addresses match. Default false (`--promiscuous_ping`). */
  readonly promiscuousPing?: boolean;
  /** Whether the packets inside of tunnels are replayed. Default false (`--decap`). */
  readonly decapsulate?: boolean;
}

/**
 * Replays a capture: each packet's decision, in order, as `nfqlb-sim replay --json` writes them. The same capture and options give the same
 * decisions. Memory does not grow with the capture.
 *
 * @param capture path of a file, `-` for standard input, or a Blob; pcap or pcapng, plain or in gzip
 * @throws an Error with a message for the user: before the first decision for options and for what is not a capture, after the last one for a capture
 * that breaks off
 */
export async function* replay(capture: string | Blob, options: ReplayOptions = {}): AsyncGenerator<ReplayedDecision, void> {
  const replayed = new ReplayedBalancer(await balancerOptions(options));
  const changes = (options.changes ?? []).map(scheduledChange);
  checkChanges(changes, replayed);
  const packets = await open(capture, options.decapsulate ?? false);
  const records: string[] = [];
  const inputs = {
    packets,
    replayed,
    schedule: new Schedule(changes),
    tally: new Tally(),
    onRecord: (record: string) => void records.push(record),
  };
  try {
    for (let count = await packets.receive(); count !== END; count = await packets.receive()) {
      decide(inputs, packets.batch, count);
      packets.settle();
      for (const record of records.splice(0)) yield JSON.parse(record) as ReplayedDecision;
    }
  } finally {
    packets.close();
  }
}

async function open(capture: string | Blob, decapsulate: boolean): Promise<Capture> {
  if (typeof capture === 'string') {
    const { openCapture } = await import('@nfqlb/captures/file');
    return await openCapture(capture, { decapsulate });
  }
  const { Capture, openBlobSource } = await import('@nfqlb/captures');
  return await Capture.open(await openBlobSource(capture, 'capture'), { decapsulate });
}

async function balancerOptions(options: ReplayOptions): Promise<ReplayedBalancerOptions> {
  const { hashMode, udpEncapPort, noTargetsFwmark, noFlowFwmark } = { ...DECISION_DEFAULTS, ...options };
  return {
    ...(await tablesOf(options)),
    fragments: { ...FRAGMENT_DEFAULTS, ...options.fragments },
    balancer: { hashMode, udpEncapPort, noTargetsFwmark, noFlowFwmark },
  };
}

async function tablesOf(options: ReplayOptions): Promise<Pick<ReplayedBalancerOptions, 'tables' | 'choice'>> {
  if (options.configuration !== undefined) {
    const { parseConfiguration } = await import('@nfqlb/configuration/parse');
    const name = 'configuration';
    const configuration = parseConfiguration(options.configuration, name, { hasTable: () => false });
    return configuredTables(configuration, name, DEFAULT_TABLE, options.promiscuousPing ?? false);
  }
  const { M, N, permutation } = { ...TABLE_DEFAULTS, ...options };
  const targets = options.targets ?? DEFAULT_TARGETS.split(',').map((fwmark) => ({ fwmark: Number(fwmark) }));
  return { tables: new Map([[DEFAULT_TABLE, { M, N, permutation, targets }]]), choice: DEFAULT_TABLE };
}

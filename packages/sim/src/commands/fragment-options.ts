import type { FragmentTableOptions } from '@nfqlb/core';
import { type Command, wholeNumber } from '@nfqlb/options';
import { FRAGMENT_DEFAULTS } from '../replay/defaults.js';

/** The options of a fragment table, with the names and defaults of `nfqlb lb`. */
export interface FragmentOptions {
  readonly ft_size: number;
  readonly ft_buckets: number;
  readonly ft_ttl: number;
}

/** Including the options for storing fragments. */
export interface StoredFragmentOptions extends FragmentOptions {
  readonly ft_frag: number;
  readonly reassembler: number;
  readonly mtu: number;
  /** False, or true or a device name as in `lb`. */
  readonly tun: boolean | string;
}

/** Larger values would test the machine rather than the table. */
export const MAX_ENTRIES: number = 2 ** 22;
const MAX_TTL = 2 ** 24;

export function addFragmentOptions(command: Command): Command {
  return command
    .option(
      '--ft_size <buckets>',
      'buckets of the fragment table; best a prime',
      wholeNumber({ min: 1, max: MAX_ENTRIES }),
      FRAGMENT_DEFAULTS.size,
    )
    .option(
      '--ft_buckets <entries>',
      'extra entries of the fragment table, for collisions',
      wholeNumber({ max: MAX_ENTRIES }),
      FRAGMENT_DEFAULTS.buckets,
    )
    .option(
      '--ft_ttl <milliseconds>',
      "how long a datagram's entry lives after its last use",
      wholeNumber({ min: 1, max: MAX_TTL }),
      FRAGMENT_DEFAULTS.ttl,
    ) as Command;
}

export function addStoredFragmentOptions(command: Command): Command {
  return addFragmentOptions(command)
    .option(
      '--ft_frag <fragments>',
      'maximum fragments stored while waiting for their first one',
      wholeNumber({ max: MAX_ENTRIES }),
      FRAGMENT_DEFAULTS.fragments,
    )
    .option(
      '--reassembler <holes>',
      'holes for tracking missing parts of datagrams; 0: entries live for ft_ttl',
      wholeNumber({ max: MAX_ENTRIES }),
      FRAGMENT_DEFAULTS.holes,
    )
    .option(
      '--mtu <octets>',
      'longest fragment that is stored',
      wholeNumber({ min: 576, max: 65_531 }, 'RFC 791: every host accepts 576 octets'),
      FRAGMENT_DEFAULTS.mtu,
    )
    .option('--tun [device]', 'assume a tun device, so that stored fragments can come back; its name is ignored', true)
    .option('--no-tun', 'no tun device: fragments that arrive before their first one are dropped') as Command;
}

export function fragmentTableOptions(options: StoredFragmentOptions): FragmentTableOptions {
  return {
    size: options.ft_size,
    buckets: options.ft_buckets,
    // Fragments that could not be re-injected are not stored.
    fragments: options.tun === false ? 0 : options.ft_frag,
    mtu: options.mtu,
    ttl: options.ft_ttl,
    holes: options.reassembler,
  };
}

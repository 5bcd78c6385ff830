/** Reason for a decision. Small integers, because each packet has one, which is counted. */
export const Reason = {
  /** The hash of its key chose a target. */
  Balanced: 0,
  /** A later fragment, sent to the target of its first. */
  FragmentKnown: 1,
  /** A fragment that another load balancer of the tier handles. */
  FragmentToTier: 2,
  /** A later fragment, stored until its first arrives. */
  FragmentStored: 3,
  /** A fragment for which the fragment table had no room. */
  FragmentNoRoom: 4,
  /** A fragment of a datagram that has already lost another one. */
  FragmentPoisoned: 5,
  /** A fragment too long to be stored. */
  FragmentTooLong: 6,
  /** No target is active; the packet gets the fwmark configured for that, or is dropped. */
  NoTarget: 7,
  /** No flow matches. */
  NoFlow: 8,
  /** Its headers are truncated or inconsistent. */
  Malformed: 9,
  /** Neither IPv4 nor IPv6. */
  NotIp: 10,
  /** A remembered connection of a bucket in transition keeps its target. */
  ConnectionKnown: 11,
  /** A bucket in transition: its connections that are not known otherwise keep its former target. */
  FormerTarget: 12,
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];

/** Names of the reasons, by number. */
export const REASON_NAMES: readonly string[] = [
  'balanced',
  'fragment-known',
  'fragment-to-tier',
  'fragment-stored',
  'fragment-no-room',
  'fragment-poisoned',
  'fragment-too-long',
  'no-target',
  'no-flow',
  'malformed',
  'not-ip',
  'connection-known',
  'former-target',
];

/** Why a packet was decided as it was. Small integers: they are made, and counted, once a packet. */
export const Reason = {
  /** Its key chose a target. */
  Balanced: 0,
  /** A later fragment, sent after its first. */
  FragmentKnown: 1,
  /** A fragment that another load balancer of the tier handles. */
  FragmentToTier: 2,
  /** A later fragment kept until its first comes. */
  FragmentStored: 3,
  /** A fragment for which there was no room. */
  FragmentNoRoom: 4,
  /** A fragment of a datagram that has lost one already. */
  FragmentPoisoned: 5,
  /** A fragment too long to be stored. */
  FragmentTooLong: 6,
  /** No target is active; the packet has the fwmark configured for that, or is dropped. */
  NoTarget: 7,
  /** No flow matches. */
  NoFlow: 8,
  /** Its headers end early or contradict each other. */
  Malformed: 9,
  /** Neither IPv4 nor IPv6. */
  NotIp: 10,
} as const;

export type Reason = (typeof Reason)[keyof typeof Reason];

/** The reasons in words, by number. */
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
];

// All metrics of /metrics. docs/metrics.md explains each; a test compares the two.

import { REASON_NAMES, Reason } from '@nfqlb/core';
import { DECIDED, FAST_REASON_NAMES, FastReason } from '@nfqlb/fast-path';
import type { QueueStatus, Status, TargetHealth } from '@nfqlb/protocol/status';
import { BATCH_BOUNDS, TURN_BOUNDS } from '../shared/loop-histogram.js';
import { type Family, histogram, type Sample } from './family.js';

type StatusFamily = Family<Status>;

const ACCEPTED: readonly Reason[] = [
  Reason.Balanced,
  Reason.ConnectionKnown,
  Reason.FormerTarget,
  Reason.FragmentKnown,
  Reason.FragmentToTier,
  Reason.NoTarget,
  Reason.NoFlow,
];
const DROPPED: readonly Reason[] = [
  Reason.FragmentNoRoom,
  Reason.FragmentPoisoned,
  Reason.FragmentTooLong,
  Reason.NoTarget,
  Reason.NoFlow,
  Reason.Malformed,
  Reason.NotIp,
];

/** Every verdict with every possible reason, even if the count is 0: a rate needs the zero before the first event. */
function* byVerdict({ queue }: QueueStatus, accepted: readonly number[], dropped: readonly number[]): Generator<Sample> {
  const sample = (verdict: string, reason: Reason, counts: readonly number[]): Sample => ({
    labels: { queue, verdict, reason: REASON_NAMES[reason]! },
    value: counts[reason]!,
  });
  for (const reason of ACCEPTED) yield sample('accept', reason, accepted);
  for (const reason of DROPPED) yield sample('drop', reason, dropped);
  yield sample('store', Reason.FragmentStored, dropped);
}

/** The packets that the kernel decided, as the packets of one more queue, so that sums are those of the whole load balancer. */
function* inKernel({ fastPath }: Status, of: 'packets' | 'octets'): Generator<Sample> {
  if (!fastPath) return;
  const reasons = [
    [Reason.Balanced, FastReason.Balanced],
    [Reason.NoTarget, FastReason.NoTarget],
    [Reason.NoFlow, FastReason.NoFlow],
  ] as const;
  for (const [reason, counted] of reasons) {
    const labels = { queue: 'kernel', verdict: 'accept', reason: REASON_NAMES[reason]! };
    yield { labels, value: fastPath.reasons[counted]?.[of] ?? 0 };
  }
}

/** What became of packets at the interfaces of the fast path. */
function* byWay({ fastPath }: Status, of: 'packets' | 'octets'): Generator<Sample> {
  if (!fastPath) return;
  for (const [reason, name] of FAST_REASON_NAMES.entries()) {
    const way = reason < DECIDED ? 'kernel' : reason === FastReason.Other ? 'other' : 'queue';
    yield { labels: { way, reason: name }, value: fastPath.reasons[reason]?.[of] ?? 0 };
  }
}

const FAST_PATH: readonly StatusFamily[] = [
  {
    name: 'nfqlb_fast_path_packets_total',
    help: 'Packets at the interfaces of the fast path: decided in the kernel, left to the queue, or other than for a VIP; and why.',
    type: 'counter',
    samples: (status) => [...byWay(status, 'packets')],
  },
  {
    name: 'nfqlb_fast_path_bytes_total',
    help: 'Octets of these packets, IP headers included.',
    type: 'counter',
    samples: (status) => [...byWay(status, 'octets')],
  },
  {
    name: 'nfqlb_fast_path_attached',
    help: 'Whether packets that come in at the interface are decided in the kernel: 1 or 0.',
    type: 'gauge',
    samples: ({ fastPath }) =>
      (fastPath?.interfaces ?? []).map(({ name, state }) => ({ labels: { interface: name }, value: state === 'attached' ? 1 : 0 })),
  },
  one('nfqlb_fast_path_memory_bytes', 'gauge', 'Kernel memory of the fast path.', ({ fastPath }) => fastPath?.memory),
  one(
    'nfqlb_fast_path_queued_flows',
    'gauge',
    'Flows whose packets, or some of them, are left to the queue.',
    ({ fastPath }) => fastPath?.unfit.length,
  ),
];

const PER_QUEUE: readonly StatusFamily[] = [
  {
    name: 'nfqlb_packets_total',
    help: 'Packets decided, by verdict and reason.',
    type: 'counter',
    samples: (status) => [
      ...status.queues.flatMap((queue) => [...byVerdict(queue, queue.counts.accepted, queue.counts.dropped)]),
      ...inKernel(status, 'packets'),
    ],
  },
  {
    name: 'nfqlb_bytes_total',
    help: 'Octets of packets decided, IP headers included, by verdict and reason.',
    type: 'counter',
    samples: (status) => [
      ...status.queues.flatMap((queue) => [...byVerdict(queue, queue.counts.acceptedOctets, queue.counts.droppedOctets)]),
      ...inKernel(status, 'octets'),
    ],
  },
  {
    name: 'nfqlb_batch_packets',
    help: 'Packets per batch, received from the kernel at once.',
    type: 'histogram',
    samples: ({ queues }) =>
      queues.flatMap(({ queue, counts: { batchSizes } }) => [...histogram({ queue }, BATCH_BOUNDS, batchSizes.buckets, batchSizes.sum)]),
  },
  {
    name: 'nfqlb_loop_turn_seconds',
    help: 'Time from receiving a batch of packets to its last verdict.',
    type: 'histogram',
    samples: ({ queues }) =>
      queues.flatMap(({ queue, counts: { turnTimes } }) => [
        ...histogram({ queue }, TURN_BOUNDS.map(inSeconds), turnTimes.buckets, inSeconds(turnTimes.sum)),
      ]),
  },
  ofQueues(
    'nfqlb_loop_turns_total',
    'counter',
    'Turns of the loop, including those without packets: at least five per second.',
    (q) => q.counts.turns,
  ),
  ofQueues('nfqlb_loop_stalled_seconds', 'gauge', 'How long the loop has made no turn; 0 while it turns.', (q) => q.stalled),
  ofQueues(
    'nfqlb_verdict_errors_total',
    'counter',
    'Verdicts that the kernel refused: the packet was gone.',
    (q) => q.counts.verdictErrors,
  ),
  ofQueues('nfqlb_queue_bound', 'gauge', 'Whether the kernel hands the packets of the queue to this program: 1 or 0.', (q) =>
    q.bound ? 1 : 0,
  ),
  ofQueues('nfqlb_queue_waiting_packets', 'gauge', 'Packets waiting in the queue for a verdict.', (q) => q.waiting),
  ofQueues('nfqlb_queue_length_packets', 'gauge', 'Packets that may wait in the queue (--qlength).', (q) => q.length),
  {
    name: 'nfqlb_queue_dropped_packets_total',
    help: 'Packets that the kernel dropped because the queue or the socket was full.',
    type: 'counter',
    samples: ({ queues }) =>
      queues.flatMap(({ queue, queueDropped, socketDropped }) => [
        { labels: { queue, cause: 'queue-full' }, value: queueDropped },
        { labels: { queue, cause: 'socket-full' }, value: socketDropped },
      ]),
  },
];

const TARGETS: readonly StatusFamily[] = [
  {
    name: 'nfqlb_target_packets_total',
    help: 'Packets that got a fwmark.',
    type: 'counter',
    samples: (status) => byTarget(status, 'packets'),
  },
  {
    name: 'nfqlb_target_bytes_total',
    help: 'Octets of packets that got a fwmark, IP headers included.',
    type: 'counter',
    samples: (status) => byTarget(status, 'octets'),
  },
  {
    name: 'nfqlb_flow_packets_total',
    help: 'Packets that matched a flow; of a fragmented one, the first fragment.',
    type: 'counter',
    samples: ({ flows = [] }) => flows.map(({ name, packets }) => ({ labels: { flow: name }, value: packets })),
  },
  {
    name: 'nfqlb_flow_bytes_total',
    help: 'Octets of packets that matched a flow, IP headers included.',
    type: 'counter',
    samples: ({ flows = [] }) => flows.map(({ name, octets }) => ({ labels: { flow: name }, value: octets })),
  },
  one('nfqlb_flow_changes_total', 'counter', 'How often the flows were changed.', ({ flowChanges }) => flowChanges),
];

const TABLES: readonly StatusFamily[] = [
  ofTables('nfqlb_table_present', 'gauge', 'Whether a target table of that name exists: 1 or 0.', ({ present }) => (present ? 1 : 0)),
  ofTables('nfqlb_table_targets', 'gauge', 'Active targets of the table.', ({ targets }) => targets),
  ofTables('nfqlb_table_buckets', 'gauge', 'Buckets of the table (M).', ({ buckets }) => buckets),
  ofTables('nfqlb_table_changes_total', 'counter', 'Changes of the table since it was created: its generation.', ({ changes }) => changes),
];

const HEALTH: readonly StatusFamily[] = [
  {
    name: 'nfqlb_target_state',
    help: 'State of a target by its health checks: 1 for the present one.',
    type: 'gauge',
    samples: ({ health = [] }) =>
      health.flatMap(({ name, targets }) => targets.map(({ fwmark, state }) => ({ labels: { table: name, fwmark, state }, value: 1 }))),
  },
  ofTargetHealth('nfqlb_target_used', 'gauge', 'Whether the target is to be active: 1 or 0.', ({ used }) => (used ? 1 : 0)),
  ofTargetHealth('nfqlb_target_state_seconds', 'gauge', 'For how long the target has been in its state.', ({ since }) => since),
  ofTargetHealth('nfqlb_target_checks_passed_total', 'counter', 'Health checks that the target passed.', ({ checks }) => checks.passed),
  ofTargetHealth('nfqlb_target_checks_failed_total', 'counter', 'Health checks that the target failed.', ({ checks }) => checks.failed),
  ofTargetHealth('nfqlb_target_downs_total', 'counter', 'Times that the target went down.', ({ checks }) => checks.downs),
  {
    name: 'nfqlb_table_panic',
    help: 'Whether so many targets of the table are down that all are used: 1 or 0.',
    type: 'gauge',
    samples: ({ health = [] }) => health.map(({ name, panic }) => ({ labels: { table: name }, value: panic ? 1 : 0 })),
  },
];

const CONNECTIONS: readonly StatusFamily[] = [
  ofTables(
    'nfqlb_table_transition_buckets',
    'gauge',
    'Buckets whose old connections keep a former target (--drain).',
    ({ inTransition }) => inTransition,
  ),
  ofTables(
    'nfqlb_table_draining_targets',
    'gauge',
    'Inactive targets that may still have old connections (--drain).',
    ({ draining }) => draining?.length,
  ),
  one(
    'nfqlb_connections_remembered',
    'gauge',
    'Connections remembered because targets change (--drain).',
    ({ connections }) => connections?.remembered,
  ),
  one('nfqlb_connections_begun_total', 'counter', 'Connections remembered since they began.', ({ connections }) => connections?.begun),
  one(
    'nfqlb_connections_learned_total',
    'counter',
    'Connections remembered since a later packet.',
    ({ connections }) => connections?.learned,
  ),
  one(
    'nfqlb_connections_refused_total',
    'counter',
    'Packets of connections that could not be remembered, because there was no room.',
    ({ connections }) => connections?.refused,
  ),
];

const FRAGMENTS: readonly StatusFamily[] = [
  ofFragments('nfqlb_fragment_table_entries', 'gauge', 'Datagrams in the fragment table.', 'active'),
  ofFragments('nfqlb_fragment_table_buckets', 'gauge', 'Buckets of the fragment table (--ft_size).', 'hsize'),
  ofFragments('nfqlb_fragment_table_extra_entries', 'gauge', 'Extra entries in use, for datagrams that share a bucket.', 'bucketsUsed'),
  ofFragments('nfqlb_fragment_table_extra_entries_limit', 'gauge', 'Extra entries available (--ft_buckets).', 'bucketsMax'),
  ofFragments('nfqlb_fragment_table_inserts_total', 'counter', 'Datagrams added.', 'inserts'),
  ofFragments('nfqlb_fragment_table_collisions_total', 'counter', 'Datagrams added to a bucket already in use.', 'collisions'),
  ofFragments(
    'nfqlb_fragment_table_rejected_total',
    'counter',
    'Datagrams not added, because no extra entry was free or the bucket was full.',
    'rejected',
  ),
  ofFragments('nfqlb_fragment_table_lookups_total', 'counter', 'Fragments looked up.', 'lookups'),
  ofFragments('nfqlb_fragment_table_expired_total', 'counter', 'Entries that expired.', 'objGC'),
  ofFragments(
    'nfqlb_fragment_table_skipped_total',
    'counter',
    'Buckets skipped when statistics were read, because a worker had locked them.',
    'skipped',
  ),
  ofFragments('nfqlb_fragments_stored', 'gauge', 'Stored fragments waiting for the first one of their datagram.', 'fragsUsed'),
  ofFragments('nfqlb_fragments_stored_limit', 'gauge', 'Fragments that can be stored (--ft_frag).', 'fragsMax'),
  ofFragments('nfqlb_fragments_discarded_total', 'counter', 'Stored fragments that were discarded, not sent on.', 'fragsDiscarded'),
  ofFragments('nfqlb_fragments_reinjected_total', 'counter', 'Stored fragments sent on through the tun device.', 'reinjected'),
  ofFragments(
    'nfqlb_fragments_reinject_failures_total',
    'counter',
    'Stored fragments that the tun device did not accept.',
    'notReinjected',
  ),
  ofFragments('nfqlb_datagrams_complete_total', 'counter', 'Datagrams of which all fragments have arrived (--reassembler).', 'reAssembled'),
];

/** All metrics of this program, without those of Node.js and the process. */
export const FAMILIES: readonly StatusFamily[] = [
  {
    name: 'nfqlb_build_info',
    help: 'Always 1; the labels identify the running program.',
    type: 'gauge',
    samples: ({ version, command }) => [
      { labels: { version: version.replace(/^nfqlb-/, ''), command, node: process.versions.node }, value: 1 },
    ],
  },
  one('nfqlb_healthy', 'gauge', 'Whether /healthz reports healthy: 1 or 0.', ({ problems }) => (problems.length === 0 ? 1 : 0)),
  {
    name: 'nfqlb_degraded_seconds',
    help: 'For how long the configuration file, or what nfqlb run has set up, is not as it should be: see /healthz. No sample while all is well.',
    type: 'gauge',
    samples: ({ degradations = [] }) => degradations.map(({ subject, seconds }) => ({ labels: { subject }, value: seconds })),
  },
  {
    name: 'nfqlb_vip_announced',
    help: 'Whether a VIP of a table with announce: true is announced: 1 or 0.',
    type: 'gauge',
    samples: ({ announcement }) => (announcement?.vips ?? []).map(({ vip, announced }) => ({ labels: { vip }, value: announced ? 1 : 0 })),
  },
  {
    name: 'nfqlb_digest',
    help: 'What load balancers of a tier must have in common, as a number: the same for the same targets of a table, and for the same flows.',
    type: 'gauge',
    samples: ({ tables, flowsDigest }) => [
      ...tables.flatMap(({ name, digest }) => (digest === undefined ? [] : [{ labels: { of: 'table', name }, value: digest }])),
      ...(flowsDigest === undefined ? [] : [{ labels: { of: 'flows', name: '' }, value: flowsDigest }]),
    ],
  },
  {
    name: 'nfqlb_tier_member_differs_seconds',
    help: 'For how long a member of the tier has other targets or flows than this one, or runs another version; 0 while it does not.',
    type: 'gauge',
    samples: ({ tier = [] }) =>
      tier.map(({ member, differences, seconds }) => ({ labels: { member }, value: differences.length > 0 ? Math.max(1, seconds) : 0 })),
  },
  {
    name: 'nfqlb_tier_member_up',
    help: 'Whether a member of the tier answers at the address that the file names: 1 or 0.',
    type: 'gauge',
    samples: ({ tier = [] }) => tier.map(({ member, silence }) => ({ labels: { member }, value: silence === '' ? 1 : 0 })),
  },
  ...PER_QUEUE,
  ...FAST_PATH,
  ...TARGETS,
  ...TABLES,
  ...HEALTH,
  ...CONNECTIONS,
  ...FRAGMENTS,
];

function* byTarget({ targets, otherTargets }: Status, what: 'packets' | 'octets'): Generator<Sample> {
  for (const target of targets) yield { labels: { fwmark: target.fwmark }, value: target[what] };
  if (otherTargets.packets > 0) yield { labels: { fwmark: 'other' }, value: otherTargets[what] };
}

function one(name: string, type: 'counter' | 'gauge', help: string, value: (status: Status) => number | undefined): StatusFamily {
  return { name, type, help, samples: (status) => present({}, value(status)) };
}

function ofFragments(name: string, type: 'counter' | 'gauge', help: string, statistic: string): StatusFamily {
  return one(name, type, help, ({ fragments }) => fragments[statistic]);
}

function ofQueues(name: string, type: 'counter' | 'gauge', help: string, value: (queue: QueueStatus) => number): StatusFamily {
  return { name, type, help, samples: ({ queues }) => queues.map((status) => ({ labels: { queue: status.queue }, value: value(status) })) };
}

function ofTables(
  name: string,
  type: 'counter' | 'gauge',
  help: string,
  value: (table: Status['tables'][number]) => number | undefined,
): StatusFamily {
  return { name, type, help, samples: ({ tables }) => tables.flatMap((table) => present({ table: table.name }, value(table))) };
}

function ofTargetHealth(name: string, type: 'counter' | 'gauge', help: string, value: (target: TargetHealth) => number): StatusFamily {
  return {
    name,
    type,
    help,
    samples: ({ health = [] }) =>
      health.flatMap((table) =>
        table.targets.map((target) => ({ labels: { table: table.name, fwmark: target.fwmark }, value: value(target) })),
      ),
  };
}

function present(labels: Sample['labels'] & object, value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels, value }];
}

function inSeconds(microseconds: number): number {
  return microseconds / 1e6;
}

// Decides where packets go, and nothing else: no node: imports, no clock, no randomness. It also runs in a browser.
//
// A `PacketSource` fills a `PacketBatch`. A `Balancer` (one table) or `FlowBalancer` (a table for each flow) decides each packet: it extracts
// the `PacketKey`, asks the `FragmentTable` about fragments, and looks up the hash in its `FwmarkLookup`, a private copy of the shared
// `TargetTable`. docs/architecture.md has a diagram. Flows, explanations, addresses and packet building have their own entry points.

export { Balancer, type BalancerOptions } from './balancer.js';
export { CoreError, type CoreErrorCode } from './core-error.js';
export { FlowBalancer, type FlowTargets } from './flow-balancer.js';
export { FragmentTable, LOST, MAX_POOL, NO_ROOM, TOO_LONG } from './fragments/fragment-table.js';
export type { FragmentTableOptions } from './fragments/layout.js';
export { type HeldLock, LockWatch } from './fragments/lock-watch.js';
export { C_STATISTICS_LENGTH, nameStatistics, STATISTICS_LENGTH, Statistic, sumStatistics } from './fragments/statistics.js';
export type { Reinject } from './fragments/stored-fragments.js';
export type { HashKey } from './hash/half-siphash.js';
export { extractKey } from './key/extract.js';
export { KIND_NAMES, Kind } from './key/kind.js';
export { KEY_LENGTH, PacketKey } from './key/packet-key.js';
export { type Drain, MAX_DRAIN_S } from './maglev/former-targets.js';
export { FwmarkLookup } from './maglev/fwmark-lookup.js';
export type { PermutationKind } from './maglev/permutation.js';
export { MAX_BUCKETS, MIN_BUCKETS, primeBelow } from './maglev/prime.js';
export { MAX_FWMARK, MAX_WEIGHT, type TableOptions, type Target, TargetTable } from './maglev/target-table.js';
export { DROP, type PacketBatch, STORED } from './packet-batch.js';
export { END, type PacketSource } from './packet-source.js';
export { REASON_NAMES, Reason } from './reason.js';
export { type ConnectionCounts, ConnectionSet, type ConnectionSetOptions } from './transition/connection-set.js';
export { Stage, stageOf } from './transition/stage.js';
export { ETH_P_IP, ETH_P_IPV6 } from './wire/ethertype.js';
export { totalLength } from './wire/ipv4.js';
export { IPV6_HEADER_LENGTH, payloadLength } from './wire/ipv6.js';
export { packetLength } from './wire/packet-length.js';
export { IPPROTO_SCTP, IPPROTO_TCP } from './wire/protocol.js';

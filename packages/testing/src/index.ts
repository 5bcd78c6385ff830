// Tests of your own for nfqlb, with Vitest: a configuration, traffic, events, and matchers. docs/testing.md is the guide.

import './matchers/index.js';

export { packet } from '@nfqlb/core/packet-builder';
export type { Deliveries } from './deliveries.js';
export type { Delivery } from './delivery.js';
export type { SiteMatchers } from './matchers/index.js';
export type { BalanceOptions } from './matchers/to-balance-within.js';
export type { KeepOptions } from './matchers/to-keep-their-target.js';
export { type SendOptions, type Site, type SiteOptions, site } from './site.js';
export type { Target, TargetName } from './target.js';
export { TestingError } from './testing-error.js';
export { capture } from './traffic/capture.js';
export { type Connections, type ConnectionsOptions, connections } from './traffic/connections.js';
export { type GeneratedOptions, generated } from './traffic/generated.js';
export type { Packet, TimedPacket, Traffic } from './traffic/traffic.js';
export type { WorldName } from './world-name.js';

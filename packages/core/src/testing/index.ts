export { type PacketBuilder, packet } from '../packet-builder/index.js';
export { FakeSource } from './fake-source.js';
export { anyPacket, flowLists } from './flow-arbitraries.js';
export { fragments } from './fragments.js';
export { type NaiveFlow, naiveFlow } from './naive-flows.js';
export { HASH_KEY } from './naive-fragments.js';
export { type MakeSource, packetSourceContract, type SourceUnderTest } from './packet-source-contract.js';
export { randomNumbers } from './random-numbers.js';
export { runs } from './runs.js';

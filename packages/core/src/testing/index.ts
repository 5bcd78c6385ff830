export { type PacketBuilder, packet } from '../packet-builder/index.js';
export { FakeSource } from './fake-source.js';
export { fragments } from './fragments.js';
export { HASH_KEY } from './naive-fragments.js';
export { type MakeSource, packetSourceContract, type SourceUnderTest } from './packet-source-contract.js';
export { randomNumbers } from './random-numbers.js';
export { runs } from './runs.js';

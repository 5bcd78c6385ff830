export { type ByteMatch, formatByteMatch, parseByteMatch } from './byte-match.js';
export { type CompileOptions, compileFlows } from './compile-flows.js';
export { defineFlow, type FlowDefinition, type FlowList, requireNetworks } from './define-flow.js';
export { compareFlows, encapsulationOf, type Flow, isEncapsulation } from './flow.js';
export { FlowLookup, NO_FLOW } from './flow-lookup.js';
export { FIXED_HEADER_LENGTH, type FlowProtocol } from './flow-protocol.js';
export { FlowSet } from './flow-set.js';
export { definitionOf, type ListedFlow, listFlow } from './list-flow.js';
export { formatPortRange, MAX_PORT, type PortRange, parsePortRange } from './port-range.js';

export { type ByteMatch, FIXED_HEADER_LENGTH, formatByteMatch, parseByteMatch } from './byte-match.js';
export { type CompileOptions, compileFlows } from './compile-flows.js';
export { defineFlow, type FlowDefinition, type FlowList } from './define-flow.js';
export { compareFlows, encapsulationOf, type Flow, type FlowProtocol, isEncapsulation } from './flow.js';
export { FlowLookup, NO_FLOW } from './flow-lookup.js';
export { FlowSet } from './flow-set.js';
export { definitionOf, type ListedFlow, listFlow } from './list-flow.js';
export { formatPortRange, MAX_PORT, type PortRange, parsePortRange } from './port-range.js';

// Decides whole packets in the kernel, bit for bit as `Balancer` and `FlowBalancer` of core do; all other packets keep mark 0 and go to the queue.
//
// `compileTable` or `compileFlows` turn VIPs and flows into a `Decision`, plain data. A `FastPath` loads it into the kernel with its target
// tables, and attaches the program to interfaces. docs/fast-path.md says which packets are decided; docs/decisions/0008 how it is built.

export { type AttachedProgram, attachedPrograms, removeProgram } from './attached-programs.js';
export { type Count, type FastPathCounts, sumCounts } from './counts.js';
export { type CompileOptions, compileFlows, compileTable, type Decision, type UnfitFlow, type WalkEnd, walk } from './decision/index.js';
export { FastPath, type FastPathOptions, type InterfaceState } from './fast-path.js';
export { FastPathError, type FastPathErrorCode } from './fast-path-error.js';
export { DECIDED, FAST_REASON_NAMES, FastReason, REASON_TEXTS } from './fast-reason.js';
export { FAST_PATH_FOLDER } from './pins.js';

export { type CompileOptions, compileFlows } from './compile-flows.js';
export { compileTable } from './compile-table.js';
export type { Decision, UnfitFlow } from './decision.js';
export { type WalkEnd, walk } from './walk.js';

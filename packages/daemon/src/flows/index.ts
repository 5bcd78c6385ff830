export { FlowControl } from './flow-control.js';

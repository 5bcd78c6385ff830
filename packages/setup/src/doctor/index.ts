export { examine, report } from './examine.js';
export { gatherFacts } from './gather.js';

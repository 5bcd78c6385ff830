export { type Choice, type Decision, type DecisionNames, decisionOf, describeDecision, hasFlow, overOf } from './decision.js';
export { describeIcmp } from './icmp.js';
export { describeKey, hasPortFields, protocolName } from './packet.js';
export { printable } from './printable.js';
export { asksTable, type DecisionRecord, decisionRecord } from './record.js';

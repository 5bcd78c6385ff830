export type { Count, Counts, FlowCount, Histogram } from './counts.js';
export {
  type Announcement,
  type DecisionOptions,
  type Degradation,
  type FastInterface,
  type FastPathStatus,
  type PrivilegeStatus,
  type QueueStatus,
  STATUS_FORMAT,
  type Status,
  type TableHealth,
  type TableStatus,
  type TargetHealth,
  type TargetStatus,
  type TierMemberStatus,
  type VipStatus,
} from './status.js';
export { faultIn } from './status-check.js';
export { askAllStatuses, askStatus, findLoadBalancers, StatusError, serveStatus, statusAddress } from './status-socket.js';

export { changeFlows } from './change-flows.js';
export { flowAddress } from './flow-address.js';
export { FlowCommandError, sendFlowCommand } from './flow-client.js';
export {
  ACCEPTED,
  type Action,
  BadRequest,
  type Field,
  type FlowRequest,
  isReading,
  OK,
  parseChanges,
  parseRequest,
} from './flow-message.js';
export { FLOW_DANGER, type FlowHandler, serveFlows } from './flow-server.js';
export { listFlows } from './listed-flows.js';

export { runDemo } from './demo.js';
export { askOverFlows } from './flows.js';
export { CLIENT, TARGET_HOSTS } from './hosts.js';
export { respond } from './responder.js';

export { CLIENT, TARGET_HOSTS } from './cast.js';
export { askOverFlows } from './flows.js';
export { playDemo } from './play.js';
export { respond } from './responder.js';

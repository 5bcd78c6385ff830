export { change, checkPlanInJson, planInJson } from './change.js';
export { checkNeighbours } from './neighbours.js';
export { describeSetUp, formatQueues, requestedSetUp, type SetUpOptions } from './options.js';
export { planDown, planUp } from './plan.js';
export { programsHere } from './present.js';
export { FAMILIES, type GivenTarget, type SetUp, type SetUpTarget } from './set-up.js';
export { hasSysctls, readSysctls, wantedSysctls } from './sysctls.js';

export { type KeptState, SetUpKeeper } from './set-up-keeper.js';

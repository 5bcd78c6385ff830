// A single key of etcd, for what is not a target.

export { followValue, readValue, type ValueObserver } from './follow-value.js';

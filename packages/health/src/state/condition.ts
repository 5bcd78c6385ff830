// Whether a target is up, from the results of its checks. Pure: time is an argument, in milliseconds of a monotonic clock.

import type { CheckSchedule } from '../settings/health-settings.js';

export type ConditionState = 'unknown' | 'up' | 'down' | 'damped';

export type ConditionRules = Pick<CheckSchedule, 'rise' | 'fall' | 'damping'>;

/** A target's condition: rise, fall and damping. */
export class Condition {
  /** May be replaced at any time; matters from the next result on. */
  rules: ConditionRules;
  #state: ConditionState = 'unknown';
  /** Results in a row that are all passed or all failed, up to the latest. */
  #streak = 0;
  #streakPassed = false;
  #streakSince = 0;
  /** When it went down, as far as damping looks back; the latest last. */
  #downs: number[] = [];

  constructor(rules: ConditionRules) {
    this.rules = rules;
  }

  get state(): ConditionState {
    return this.#state;
  }

  /** Results in a row like the latest. */
  get streak(): number {
    return this.#streak;
  }

  /** @returns the state after the check that ended now */
  report(passed: boolean, now: number): ConditionState {
    if (this.#streak === 0 || passed !== this.#streakPassed) {
      this.#streak = 0;
      this.#streakPassed = passed;
      this.#streakSince = now;
    }
    this.#streak++;
    this.#state = passed ? this.#afterPass(now) : this.#afterFailure(now);
    return this.#state;
  }

  #afterPass(now: number): ConditionState {
    if (this.#state === 'up' || this.#state === 'unknown') return 'up';
    if (this.#streak < this.rules.rise) return this.#state;
    const { downs, within, hold } = this.rules.damping;
    this.#downs = this.#downs.filter((at) => now - at <= within * 1000);
    const flaps = downs > 0 && this.#downs.length >= downs;
    return flaps && now - this.#streakSince < hold * 1000 ? 'damped' : 'up';
  }

  #afterFailure(now: number): ConditionState {
    if (this.#state !== 'up') return 'down';
    if (this.#streak < this.rules.fall) return 'up';
    const { downs, within } = this.rules.damping;
    this.#downs = [...this.#downs.filter((at) => now - at <= within * 1000), now].slice(-Math.max(downs, 1));
    return 'down';
  }
}

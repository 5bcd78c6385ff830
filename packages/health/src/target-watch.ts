import { isDeepStrictEqual } from 'node:util';
import { type CheckRequest, type Endpoint, endpointsOf } from './check/check-target.js';
import type { Outcome } from './check/outcome.js';
import type { MonitoredTarget, TargetHealth, TargetState } from './monitored.js';
import type { HealthSettings } from './settings/health-settings.js';
import { Condition } from './state/condition.js';
import { atTick } from './tick.js';

/** First checks are spread over this time, in seconds, or over the interval if that is shorter. */
const FIRST_CHECKS_S = 1;

/** Checks one target again and again. */
export class TargetWatch {
  readonly #check: (request: CheckRequest) => Promise<Outcome>;
  readonly #onState: () => void;
  readonly settled: Promise<void>;
  #settle!: () => void;
  #target: MonitoredTarget;
  #vips: readonly string[];
  /** Where its checks go. */
  #endpoints: readonly Endpoint[] = [];
  #condition: Condition | undefined;
  #cancel: () => void = () => {};
  /** Ends the check that is under way. */
  #abort = new AbortController();
  #running: Promise<void> = Promise.resolve();
  /** When the next check was to start, ms. */
  #due = 0;
  #state: TargetState;
  #since = performance.now();
  /** When it went down, and after which time it came up again, in ms. */
  #outSince = 0;
  #outFor = 0;
  #reason = '';
  #latest = '';
  #trouble = '';
  #passed = 0;
  #failed = 0;
  #downs = 0;

  constructor(target: MonitoredTarget, vips: readonly string[], check: (request: CheckRequest) => Promise<Outcome>, onState: () => void) {
    this.#check = check;
    this.#onState = onState;
    this.settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#target = target;
    this.#vips = vips;
    this.#state = this.#stateNow();
    this.#begin();
  }

  declare(target: MonitoredTarget, vips: readonly string[]): void {
    const isSame = isDeepStrictEqual([this.#target, this.#vips], [target, vips]);
    this.#target = target;
    this.#vips = vips;
    if (isSame) return;
    this.#end();
    this.#begin();
    this.#enter();
  }

  get state(): TargetState {
    return this.#state;
  }

  /** Why it is down. */
  get reason(): string {
    return this.#reason;
  }

  /** Why it is used again. */
  get recovery(): string {
    return this.#downs > 0 ? `up again after ${(this.#outFor / 1000).toFixed(1)} s` : 'up';
  }

  health(used: boolean): TargetHealth {
    const { fwmark, addresses, settings } = this.#target;
    const streak = this.#condition?.streak ?? 0;
    const isComing = this.#latest !== '' && this.#condition?.state === 'up';
    return {
      fwmark,
      addresses,
      state: this.#state,
      reason: this.#state === 'damped' ? `went down too often, at last: ${this.#reason}` : this.#reason,
      lately: isComing ? `${this.#latest} (${streak} of ${settings?.fall})` : '',
      trouble: this.#trouble,
      used,
      since: (performance.now() - this.#since) / 1000,
      checks: { passed: this.#passed, failed: this.#failed, downs: this.#downs },
    };
  }

  async close(): Promise<void> {
    this.#end();
    await this.#running;
  }

  #begin(): void {
    const { settings } = this.#target;
    if (!settings) {
      this.#condition = undefined;
      this.#reason = '';
      this.#latest = '';
      this.#trouble = '';
      this.#settle();
      return;
    }
    this.#endpoints = endpointsOf(settings.to === 'vip' ? this.#vips : this.#target.addresses);
    if (this.#condition) this.#condition.rules = settings;
    else this.#condition = new Condition(settings);
    const wait = Math.random() * Math.min(settings.interval, FIRST_CHECKS_S) * 1000;
    this.#due = performance.now() + wait;
    this.#cancel = atTick(this.#due, () => this.#start(settings));
  }

  #end(): void {
    this.#cancel();
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#settle();
  }

  #start(settings: HealthSettings): void {
    const { signal } = this.#abort;
    const request = { settings, fwmark: this.#target.fwmark, endpoints: this.#endpoints, signal };
    this.#running = this.#check(request).then((outcome) => {
      if (signal.aborted) return;
      this.#report(outcome);
      this.#again(settings);
    });
  }

  /** The next check, an interval after this one was due. After a pause of the process, missed checks are not made up for. */
  #again(settings: HealthSettings): void {
    const now = performance.now();
    const jitter = 1 + settings.jitter * (2 * Math.random() - 1);
    this.#due = Math.max(this.#due + settings.interval * jitter * 1000, now);
    this.#cancel = atTick(this.#due, () => this.#start(settings));
  }

  #report(outcome: Outcome): void {
    this.#trouble = outcome.kind === 'impossible' ? outcome.reason : '';
    if (outcome.kind !== 'impossible') {
      const passed = outcome.kind === 'passed';
      this.#latest = passed ? '' : outcome.reason;
      if (passed) this.#passed++;
      else this.#failed++;
      const before = this.#condition!.state;
      const now = performance.now();
      const after = this.#condition!.report(passed, now);
      if (after === 'up') this.#reason = '';
      else if (!passed) this.#reason = outcome.reason;
      const wasOut = before === 'down' || before === 'damped';
      if (after === 'down' && !wasOut) {
        this.#downs++;
        this.#outSince = now;
      } else if (after === 'up' && wasOut) this.#outFor = now - this.#outSince;
      this.#enter();
    }
    this.#settle();
  }

  #enter(): void {
    const state = this.#stateNow();
    if (state === this.#state) return;
    this.#since = performance.now();
    this.#state = state;
    this.#onState();
  }

  #stateNow(): TargetState {
    if (this.#target.maintenance) return 'maintenance';
    return this.#condition?.state ?? (this.#target.settings ? 'unknown' : 'unchecked');
  }
}

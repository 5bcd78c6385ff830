import type { SetUp } from '@nfqlb/setup';
import { withFormer } from './declared-set-up.js';

type SetUps = ReadonlyMap<string, SetUp>;

interface Former {
  readonly setUps: SetUps;
  /** Milliseconds of `performance.now()`. */
  readonly until: number;
}

/** When targets come and go all the time, the oldest of more than these go together. */
const MOST = 16;

/**
 * What was declared before, for as long as something may be under way by it. Each has its own end: where targets come and go more often than connections
 * drain, there is never a time when nothing is.
 */
export class FormerSetUps {
  /** The oldest first. */
  #all: readonly Former[] = [];

  /** Adds what is about to be replaced. It stays until it is known until when: {@link settle}. */
  add(setUps: SetUps): void {
    this.#all = [...this.#all, { setUps, until: Number.POSITIVE_INFINITY }];
    const [oldest, next, ...rest] = this.#all as [Former, Former, ...Former[]];
    if (this.#all.length <= MOST) return;
    this.#all = [{ setUps: withFormer(next.setUps, oldest.setUps), until: Math.max(oldest.until, next.until) }, ...rest];
  }

  /** Says until when what was added is needed, now that it has been replaced. */
  settle(until: number): void {
    this.#all = this.#all.map((former) => (Number.isFinite(former.until) ? former : { ...former, until }));
  }

  /** A declaration together with what of it is still needed; what is no longer, goes. */
  with(declared: SetUps, now: number): SetUps {
    this.#all = this.#all.filter(({ until }) => until > now);
    return this.#all.reduceRight<SetUps>((all, { setUps }) => withFormer(all, setUps), declared);
  }

  /** When the next of them is no longer needed; `undefined` if there is none. */
  get next(): number | undefined {
    return this.#all.length === 0 ? undefined : Math.min(...this.#all.map(({ until }) => until));
  }
}

import type { TierMemberStatus } from '@nfqlb/protocol/status';
import { differencesOf, type MemberFacts, parseFacts } from './member-facts.js';

/** From one round to the next. The other members are asked all at once. */
const INTERVAL_MS = 5000;

const TIMEOUT_MS = 2000;

/** Octets of /metrics that are read: 10,000 flows take a tenth of it. */
const MAX_METRICS = 32 * 2 ** 20;

/** Health checks, and the steps of a change, do not come to the same result everywhere at once. */
const TOLERATED_MS = 10_000;

export interface TierWatchOptions {
  /** What this load balancer has now. */
  readonly own: () => MemberFacts;
  /** Told which members are different or silent for longer than is tolerated. */
  readonly report: (problems: readonly string[]) => void;
  /** Reads what a member publishes; for tests to replace. */
  readonly read?: (member: string) => Promise<MemberFacts>;
  /** Milliseconds of a monotonic clock: the members' clocks, and changes of this one's, make no difference. */
  readonly now?: () => number;
}

type Kind = 'same' | 'different' | 'silent';

interface Seen {
  readonly kind: Kind;
  readonly silence: string;
  readonly differences: readonly string[];
  /** Since when it is of that kind; by the monotonic clock, and for people. */
  readonly since: number;
  readonly date: string;
}

/** Compares the load balancers of a tier with this one. */
export class TierWatch {
  readonly #options: Required<TierWatchOptions>;
  #members: readonly string[] = [];
  readonly #seen = new Map<string, Seen>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: TierWatchOptions) {
    this.#options = { read: readMember, now: () => performance.now(), ...options };
  }

  /** Compares with these members from now on, as `http://10.1.0.3:9911`. */
  watch(members: readonly string[]): void {
    this.#members = [...new Set(members)];
    for (const member of this.#seen.keys()) if (!this.#members.includes(member)) this.#seen.delete(member);
    if (this.#timer === undefined && this.#members.length > 0) this.#lookLater(0);
    if (this.#members.length === 0) this.#report();
  }

  status(): TierMemberStatus[] {
    const now = this.#options.now();
    return this.#members.flatMap((member) => {
      const seen = this.#seen.get(member);
      if (!seen) return [];
      const { silence, differences, since } = seen;
      return [{ member, silence, differences, seconds: Math.round((now - since) / 1000) }];
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** Asks all members once. */
  async look(): Promise<void> {
    const { read, own } = this.#options;
    await Promise.all(
      this.#members.map(async (member) => {
        try {
          const theirs = await read(member);
          const differences = differencesOf(own(), theirs);
          this.#see(member, differences.length > 0 ? 'different' : 'same', '', differences);
        } catch (error) {
          this.#see(member, 'silent', (error as Error).message, []);
        }
      }),
    );
    this.#report();
  }

  #see(member: string, kind: Kind, silence: string, differences: readonly string[]): void {
    // It may have left the file while it was asked.
    if (!this.#members.includes(member)) return;
    const before = this.#seen.get(member);
    const began = before?.kind === kind ? before : { since: this.#options.now(), date: new Date().toISOString().replace(/\.\d+Z$/, 'Z') };
    this.#seen.set(member, { kind, silence, differences, since: began.since, date: began.date });
  }

  #report(): void {
    const now = this.#options.now();
    const lasting = [...this.#seen].filter(([, { kind, since }]) => kind !== 'same' && now - since >= TOLERATED_MS);
    this.#options.report(
      lasting.map(([member, { kind, silence, differences, date }]) =>
        kind === 'silent'
          ? `${member} does not answer since ${date}: ${silence}`
          : `${member} differs since ${date}: ${differences.join('; ')}`,
      ),
    );
  }

  #lookLater(pause: number): void {
    this.#timer = setTimeout(async () => {
      await this.look();
      this.#timer = undefined;
      if (!this.#isClosed && this.#members.length > 0) this.#lookLater(INTERVAL_MS);
    }, pause);
  }
}

async function readMember(member: string): Promise<MemberFacts> {
  const response = await request(`${member}/metrics`);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`HTTP status ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of response.body ?? []) {
    octets += chunk.length;
    if (octets > MAX_METRICS) throw new Error(`its /metrics are longer than ${MAX_METRICS} octets`);
    chunks.push(chunk);
  }
  return parseFacts(Buffer.concat(chunks).toString());
}

/** `fetch` says "fetch failed", and why only in the cause. */
async function request(url: string): Promise<Response> {
  try {
    return await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'error' });
  } catch (error) {
    const { name, cause, message } = error as Error;
    if (name === 'TimeoutError') throw new Error(`no answer within ${TIMEOUT_MS / 1000} s`, { cause: error });
    throw new Error(cause instanceof Error && cause.message !== '' ? cause.message : message, { cause: error });
  }
}

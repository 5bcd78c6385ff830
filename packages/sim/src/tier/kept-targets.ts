import { IPPROTO_SCTP, Kind, REASON_NAMES, Reason, type TargetTable } from '@nfqlb/core';
import type { Member } from './member.js';

/** What must reach one target whichever load balancer takes it. */
export const SUBJECTS = ['connections', 'fragment trains', 'ICMP errors'] as const;
export type Subject = (typeof SUBJECTS)[number];

export const CAUSES = {
  tablesDiffer: 'the tables of the load balancers differ',
  changed: 'targets changed',
  remembered: 'another load balancer remembers it',
  lost: 'its load balancer was lost',
  moved: 'another load balancer takes its fragments since the tier changed',
} as const;

/** Stored fragments whose first one went elsewhere, or came too late. */
const NOT_RELEASED = `dropped: ${REASON_NAMES[Reason.FragmentStored]}`;

/** The first words of a key, which hold the addresses. */
const ADDRESS_WORDS = 8;

export interface Count {
  seen: number;
  broken: number;
  /** Broken ones, by cause: one of {@link CAUSES}, or `dropped: ` and the reason. */
  readonly byCause: Map<string, number>;
}

interface Followed {
  /** Target of its first packet that reached one, or negative. */
  fwmark: number;
  /** Who decided that packet. */
  readonly member: Member;
  broken: boolean;
}

interface Train extends Followed {
  /** Whether its first fragment was seen. */
  first: boolean;
  /** Whether fragments are stored that have not come back. */
  waiting: boolean;
  /** When its last fragment came, in milliseconds. */
  lastUse: number;
}

/** After so long, in milliseconds, an identification belongs to another datagram: Linux gives up reassembly (ipfrag_time). */
const REASSEMBLY = 30_000;

/** Watches whether each connection, each fragment train and each ICMP error reaches one target. */
export class KeptTargets {
  readonly counts: Readonly<Record<Subject, Count>>;
  /** ICMP errors about connections of which no packet was seen before: they cannot be judged. */
  unrelated = 0;
  /** Fragment trains whose first fragment is not in the capture: they reach no target, whatever the tier does. */
  incomplete = 0;
  readonly #hashMode: number;
  readonly #connections = new Map<string, Followed>();
  #trains = new Map<string, Train>();
  readonly #ended: Train[] = [];
  readonly #gone = new Set<Member>();

  constructor(hashMode: number) {
    this.#hashMode = hashMode;
    const count = (): Count => ({ seen: 0, broken: 0, byCause: new Map() });
    this.counts = { connections: count(), 'fragment trains': count(), 'ICMP errors': count() };
  }

  /** Looks at a packet that was just decided by a load balancer. Stored fragments will come again. */
  look(member: Member, fwmark: number): void {
    const { kind, key } = member.replayed.balancer;
    if (kind === Kind.Fragment || kind === Kind.FirstFragment) this.#lookAtFragment(member, fwmark, kind === Kind.FirstFragment);
    if (kind === Kind.IcmpInner) this.#lookAtError(member, fwmark);
    else if (kind === Kind.Normal || kind === Kind.UdpEncap || (kind === Kind.FirstFragment && fwmark >= 0)) {
      // Associations of SCTP are one by their ports, whatever path their packets take.
      const name = this.#nameOf(key.words, key.protocol);
      const known = this.#connections.get(name);
      if (known) this.#judge('connections', known, member, fwmark);
      else if (fwmark >= 0) {
        this.counts.connections.seen++;
        this.#connections.set(name, { fwmark, member, broken: false });
      }
    }
  }

  /** @param lost a load balancer: what it had stored is gone */
  lose(lost: Member): void {
    this.#gone.add(lost);
    for (const train of this.#trains.values()) {
      if (train.member === lost && train.waiting && train.first) this.#break('fragment trains', train, CAUSES.lost);
    }
  }

  /** Call at the end of the capture. */
  end(): void {
    for (const train of [...this.#ended, ...this.#trains.values()]) {
      if (train.broken) continue;
      if (!train.first) this.incomplete++;
      else if (train.waiting) this.#break('fragment trains', train, this.#gone.has(train.member) ? CAUSES.lost : NOT_RELEASED);
    }
  }

  #lookAtFragment(member: Member, fwmark: number, first: boolean): void {
    const { balancer, connections } = member.replayed;
    const { key, reason } = balancer;
    const now = connections.now;
    const name = `${key.words.subarray(0, ADDRESS_WORDS).join()},${key.fragmentId},${key.fragmentProtocol}`;
    let train = this.#trains.get(name);
    if (!train || now - train.lastUse > REASSEMBLY) {
      if (train) this.#ended.push(train);
      this.counts['fragment trains'].seen++;
      train = { fwmark, member, broken: false, first, waiting: false, lastUse: now };
      this.#trains.set(name, train);
    }
    train.first ||= first;
    train.lastUse = now;
    if (train.member !== member) this.#break('fragment trains', train, this.#gone.has(train.member) ? CAUSES.lost : CAUSES.moved);
    else if (reason === Reason.FragmentStored) train.waiting = true;
    else if (fwmark < 0) this.#break('fragment trains', train, `dropped: ${REASON_NAMES[reason]}`);
    else {
      if (train.fwmark < 0) train.fwmark = fwmark;
      // The first one releases all that wait.
      if (first) train.waiting = false;
      if (train.fwmark !== fwmark) this.#break('fragment trains', train, CAUSES.changed);
    }
  }

  #lookAtError(member: Member, fwmark: number): void {
    const { key } = member.replayed.balancer;
    const known = this.#connections.get(this.#nameOf(key.words, key.protocol));
    if (!known) {
      this.unrelated++;
      return;
    }
    this.counts['ICMP errors'].seen++;
    this.#judge('ICMP errors', { ...known, broken: false }, member, fwmark);
  }

  #judge(subject: Subject, known: Followed, member: Member, fwmark: number): void {
    if (known.fwmark === fwmark || known.broken) return;
    this.#break(subject, known, this.#causeOf(known, member, fwmark));
  }

  #causeOf(known: Followed, member: Member, fwmark: number): string {
    const { balancer, table } = member.replayed;
    if (fwmark < 0 || !table) return `dropped: ${REASON_NAMES[balancer.reason]}`;
    const own = ownerOf(table, balancer.bucket);
    const theirTable = known.member.replayed.tables.get(member.nameOf(table));
    const others = theirTable && ownerOf(theirTable, balancer.bucket);
    // A load balancer that was lost has the table of that time.
    if (own !== others && member.schedule.due === known.member.schedule.due) return CAUSES.tablesDiffer;
    return own === known.fwmark && member !== known.member ? CAUSES.remembered : CAUSES.changed;
  }

  #break(subject: Subject, known: Followed, cause: string): void {
    if (known.broken) return;
    known.broken = true;
    const count = this.counts[subject];
    count.broken++;
    count.byCause.set(cause, (count.byCause.get(cause) ?? 0) + 1);
  }

  #nameOf(words: Int32Array, protocol: number): string {
    return (this.#hashMode === 1 && protocol === IPPROTO_SCTP ? words.subarray(ADDRESS_WORDS) : words).join();
  }
}

function ownerOf({ lookup, active }: TargetTable, bucket: number): number | undefined {
  return active[lookup[bucket]!];
}

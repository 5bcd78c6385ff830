import { CoreError } from '../core-error.js';
import type { HashKey } from '../hash/half-siphash.js';
import { type Drain, FormerTargets, MAX_DRAIN_S } from './former-targets.js';
import {
  BUCKETS,
  DJB2,
  EXT_DRAIN,
  EXT_GENERATION,
  EXT_HASH,
  EXT_HEADER,
  EXT_KEY,
  EXT_KIND,
  EXT_MAGIC,
  EXT_VERSION,
  HALF_SIPHASH,
  HEADER,
  KINDS,
  LENGTH,
  layoutOf,
  MAGIC,
  OWN_FWMARK,
  SLOTS,
  VERSION,
  VERSION_1,
  VERSION_3,
} from './layout.js';
import { NFQLB_MAX_BUCKETS, type PermutationKind, Permutations } from './permutation.js';
import { NONE, populate } from './populate.js';
import { MAX_BUCKETS, MIN_BUCKETS, primeBelow } from './prime.js';

/** Maximum fwmark: a slot contains a signed 32-bit number, and negative ones mean "none" in C nfqlb. */
export const MAX_FWMARK = 0x7fffffff;

/** Maximum weight of a target. */
export const MAX_WEIGHT = 65535;

/** Options for creating a table. */
export interface TableOptions {
  /** Number of buckets; rounded down to a prime. */
  readonly M: number;
  /** Number of slots: the maximum number of active targets; at most M. */
  readonly N: number;
  /** In the table of a load balancer tier, the fwmark of this load balancer; otherwise 0. */
  readonly ownFwmark?: number;
  readonly permutation?: PermutationKind;
  /** How long connections keep their former target at a change that does not say it, in seconds. Default 0. */
  readonly drain?: number;
  /** Packets are hashed by HalfSipHash with this key; absent: by djb2, as C nfqlb does. The load balancers of a tier need the same one. */
  readonly hashKey?: HashKey | undefined;
}

/** A target to be activated. */
export interface Target {
  readonly fwmark: number;
  /** Share of the buckets, relative to the other targets' weights. Default 1. */
  readonly weight?: number;
}

/**
 * A target table in memory that other processes may have mapped (layout.ts). It can be changed while load balancers use it; they read it through
 * a {@link FwmarkLookup}.
 *
 * A change is computed first and then published. The caller must ensure that there is only one writer at a time (with a lock on the shared memory,
 * which the kernel releases when a process dies).
 */
export class TargetTable {
  readonly M: number;
  readonly N: number;
  readonly ownFwmark: number;
  readonly permutation: PermutationKind;
  /** Absent: packets are hashed by djb2. */
  readonly hashKey: HashKey | undefined;
  /** Slot by bucket, or −1. Shared memory: may change at any time. */
  readonly lookup: Int32Array;
  /** Fwmark by slot, or −1. Shared memory: may change at any time. */
  readonly active: Int32Array;
  /** Where old connections go; absent in a table created by C nfqlb, or of version 1. */
  readonly formerTargets: FormerTargets | undefined;

  readonly #memory: ArrayBufferLike;
  readonly #header: Uint32Array;
  /** The field `len`, when the table was opened. */
  readonly #length: number;
  /** The extension's words; absent in a table created by C nfqlb. */
  readonly #extension: Int32Array | undefined;
  readonly #weighed: Int32Array | undefined;
  readonly #weight: Uint32Array | undefined;

  private constructor(memory: ArrayBufferLike) {
    const [own, M, N, length] = readHeader(memory);
    const layout = layoutOf(M, N);
    if (length !== layout.length || memory.byteLength < layout.cSize) {
      throw new CoreError('not-a-table', `not a target table: M=${M}, N=${N} take ${layout.cSize} octets, ${memory.byteLength} are there`);
    }
    this.#memory = memory;
    this.#header = new Uint32Array(memory, 0, HEADER / 4);
    this.#length = length;
    this.M = M;
    this.N = N;
    this.ownFwmark = own;
    this.lookup = new Int32Array(memory, layout.lookup, M);
    this.active = new Int32Array(memory, layout.active, N);

    this.permutation = 'nfqlb';
    if (memory.byteLength >= layout.size1) {
      const extension = new Int32Array(memory, layout.extension, EXT_HEADER / 4);
      if (extension[EXT_MAGIC] === MAGIC) {
        const kind = KINDS[extension[EXT_KIND]!];
        const version = extension[EXT_VERSION];
        const hash = version === VERSION_3 ? extension[EXT_HASH] : DJB2;
        const hasTransitions = version === VERSION || version === VERSION_3;
        const known = hasTransitions ? memory.byteLength >= layout.size : version === VERSION_1;
        if (!known || kind === undefined) {
          throw new CoreError(
            'not-a-table',
            `a target table of version ${version}; this program knows versions ${VERSION_1} to ${VERSION_3}`,
          );
        }
        if (hash !== DJB2 && hash !== HALF_SIPHASH) {
          throw new CoreError(
            'not-a-table',
            `a target table with hash ${hash}; this program knows ${DJB2} (djb2) and ${HALF_SIPHASH} (HalfSipHash)`,
          );
        }
        if (hash === HALF_SIPHASH) this.hashKey = [extension[EXT_KEY]!, extension[EXT_KEY + 1]!];
        if (hasTransitions) this.formerTargets = new FormerTargets(memory, layout, M, N);
        this.permutation = kind;
        this.#extension = extension;
        this.#weighed = new Int32Array(memory, layout.weighed, N);
        this.#weight = new Uint32Array(memory, layout.weight, N);
      }
    }
    if (this.permutation === 'nfqlb') checkNfqlbBuckets(M);
  }

  /** Number of buckets of a table with these options: M, rounded down to a prime. Throws {@link CoreError} for invalid options. */
  static bucketsFor(options: TableOptions): number {
    return checkOptions(options).M;
  }

  /** Length of a table in octets. Throws {@link CoreError} for invalid options. */
  static byteLength(options: TableOptions): number {
    const { M, N } = checkOptions(options);
    return layoutOf(M, N).size;
  }

  /** Creates a table without targets in `memory`, which must have at least {@link byteLength} octets and be zero. */
  static create(memory: ArrayBufferLike, options: TableOptions): TargetTable {
    const { M, N, permutation, drain, hashKey } = checkOptions(options);
    const layout = layoutOf(M, N);
    const header = new Int32Array(memory, 0, HEADER / 4);
    header[OWN_FWMARK] = options.ownFwmark ?? 0;
    header[BUCKETS] = M;
    header[SLOTS] = N;
    header[LENGTH] = layout.length;
    new Int32Array(memory, layout.lookup, M).fill(NONE);
    new Int32Array(memory, layout.active, N).fill(NONE);
    new Int32Array(memory, layout.weighed, N).fill(NONE);
    // C nfqlb can change any table, so every row must be a permutation, even before it is used.
    const permutations = new Permutations(M, N);
    permutations.setAllNfqlb();
    for (let slot = 0; slot < N; slot++) permutations.fillRow(slot, rowOf(memory, M, slot));

    const extension = new Int32Array(memory, layout.extension, EXT_HEADER / 4);
    extension[EXT_VERSION] = hashKey ? VERSION_3 : VERSION;
    if (hashKey) {
      extension[EXT_HASH] = HALF_SIPHASH;
      extension.set(hashKey, EXT_KEY);
    }
    extension[EXT_KIND] = KINDS.indexOf(permutation);
    extension[EXT_DRAIN] = drain;
    extension[EXT_MAGIC] = MAGIC;
    const table = new TargetTable(memory);
    table.formerTargets!.clear();
    return table;
  }

  /** Opens the table in `memory`, created by this program or by C nfqlb. Throws {@link CoreError} `not-a-table`. */
  static open(memory: ArrayBufferLike): TargetTable {
    return new TargetTable(memory);
  }

  /** False if the header has changed: another program has truncated or rewritten the table. */
  get intact(): boolean {
    const header = this.#header;
    const extension = this.#extension;
    if (extension && extension[EXT_MAGIC] !== MAGIC) return false;
    return header[BUCKETS] === this.M && header[SLOTS] === this.N && header[LENGTH] === this.#length;
  }

  /** Increases by 2 with every change; odd while a change is being written. `undefined` in a table created by C nfqlb. */
  get generation(): number | undefined {
    return this.#extension && Atomics.load(this.#extension, EXT_GENERATION);
  }

  /** How long connections keep their former target at a change that does not say it, in seconds. */
  get drain(): number {
    // Limit it, because any program of this user can write there.
    return this.formerTargets ? Math.min(this.#extension![EXT_DRAIN]! >>> 0, MAX_DRAIN_S) : 0;
  }

  /** Changes {@link drain}. @throws {@link CoreError} `conflict` if the table cannot have transitions */
  set drain(seconds: number) {
    checkRange('drain', seconds, 0, MAX_DRAIN_S);
    if (seconds === this.drain) return;
    if (!this.formerTargets) throw withoutTransitions();
    Atomics.store(this.#extension!, EXT_DRAIN, seconds);
  }

  /** Number of buckets in transition. @param now in milliseconds, as `Drain.now` */
  bucketsInTransition(now: number): number {
    const { formerTargets } = this;
    if (!formerTargets || !(formerTargets.latest > now)) return 0;
    let buckets = 0;
    for (let bucket = 0; bucket < this.M; bucket++)
      if (formerTargets.former[bucket]! >= 0 && formerTargets.deadline[bucket]! > now) buckets++;
    return buckets;
  }

  /** The inactive targets that still get packets of their old connections. */
  get draining(): number[] {
    return this.formerTargets ? [...this.formerTargets.draining].filter((fwmark) => fwmark >= 0) : [];
  }

  /** Weight of the target in `slot`, which contains `fwmark`; 0 if there is none. */
  weightOf(slot: number, fwmark: number = this.active[slot]!): number {
    if (fwmark < 0) return 0;
    // Limit it, because any program of this user can write there.
    return this.#weighed?.[slot] === fwmark ? Math.min(this.#weight![slot]!, MAX_WEIGHT) : 1;
  }

  /**
   * Puts each target into the first free slot. A target that is already active keeps its slot and gets the new weight.
   *
   * @param drain as for all changes: lets connections of buckets that change keep their targets. By default, they do not
   * @throws {@link CoreError} `no-free-slot`, `out-of-range` or `conflict`; then nothing has changed
   */
  activate(targets: readonly Target[], drain?: Drain): void {
    this.#activate(this.#slots(), targets, drain);
  }

  /**
   * Replaces all targets in one step. Those that are already active keep their slots, each one; the others go into the first free ones. Throws as
   * {@link activate}.
   */
  setTargets(targets: readonly Target[], drain?: Drain): void {
    const slots = this.#slots();
    for (let slot = 0; slot < this.N; slot++) {
      const fwmark = slots.fwmarks[slot]!;
      // Somebody may have put it into several slots, by their numbers: it would get several shares.
      const isAnother = slots.fwmarks.indexOf(fwmark) < slot;
      if (isAnother || !targets.some((target) => target.fwmark === fwmark)) slots.free(slot);
    }
    this.#activate(slots, targets, drain);
  }

  /** The active fwmarks, in order of their slots. Each slot is read only once, because another process may write to it. */
  get fwmarks(): number[] {
    return Array.from(this.active).filter((fwmark) => fwmark >= 0);
  }

  /** Targets by slot; `undefined` for a free slot. */
  get slots(): (Required<Target> | undefined)[] {
    const { fwmarks, weights } = this.#slots();
    return fwmarks.map((fwmark, slot) => (fwmark < 0 ? undefined : { fwmark, weight: weights[slot]! }));
  }

  /** Restores the contents of all slots, as returned by {@link slots}, in one step. Throws as {@link activate}. */
  setSlots(contents: readonly (Target | undefined)[], drain?: Drain): void {
    const slots = new Slots(this.N);
    contents.forEach((target, slot) => {
      this.#checkSlot(slot);
      if (target === undefined) return;
      checkTarget(target);
      slots.put(slot, target);
    });
    this.#publish(slots, drain);
  }

  /** Puts a target into `slot`, replacing its contents. Throws as {@link activate}. */
  activateAt(slot: number, target: Target, drain?: Drain): void {
    this.#checkSlot(slot);
    checkTarget(target);
    const slots = this.#slots();
    slots.put(slot, target);
    this.#publish(slots, drain);
  }

  /**
   * Frees the slots with these fwmarks; ignores inactive ones. Without `drain`, those that are still draining lose their connections: they are
   * known to be dead.
   */
  deactivate(fwmarks: readonly number[], drain?: Drain): void {
    const slots = this.#slots();
    for (let slot = 0; slot < this.N; slot++) if (fwmarks.includes(slots.fwmarks[slot]!)) slots.free(slot);
    this.#publish(slots, drain, fwmarks);
  }

  /** Frees `slot`. */
  deactivateAt(slot: number, drain?: Drain): void {
    this.#checkSlot(slot);
    const slots = this.#slots();
    slots.free(slot);
    this.#publish(slots, drain);
  }

  /**
   * Computes the lookup for given slots. For the current ones, it equals {@link lookup}, except during a change.
   *
   * @param fwmarks by slot, −1 for none
   * @param weights by slot
   * @returns `undefined` if the permutations are invalid: C nfqlb is rewriting the table, or it is damaged
   */
  computeLookup(fwmarks: ArrayLike<number>, weights: ArrayLike<number>): Int32Array | undefined {
    const permutations = new Permutations(this.M, this.N);
    const turns: number[] = [];
    for (let slot = 0; slot < this.N; slot++) {
      const fwmark = fwmarks[slot]!;
      if (fwmark < 0) continue;
      turns.push(slot);
      if (this.permutation === 'fwmark') permutations.setFwmark(slot, fwmark);
      else if (!permutations.setRow(slot, rowOf(this.#memory, this.M, slot))) return undefined;
    }
    if (this.permutation === 'fwmark') turns.sort((a, b) => fwmarks[a]! - fwmarks[b]! || a - b);
    const lookup = new Int32Array(this.M);
    populate(lookup, permutations, turns, weights);
    return lookup;
  }

  #activate(slots: Slots, targets: readonly Target[], drain: Drain | undefined): void {
    for (const target of targets) {
      checkTarget(target);
      let slot = slots.fwmarks.indexOf(target.fwmark);
      if (slot < 0) slot = slots.fwmarks.indexOf(NONE);
      if (slot < 0) throw new CoreError('no-free-slot', `no free slot for fwmark ${target.fwmark}: all ${this.N} are taken`);
      slots.put(slot, target);
    }
    this.#publish(slots, drain);
  }

  #slots(): Slots {
    const slots = new Slots(this.N);
    for (let slot = 0; slot < this.N; slot++) {
      slots.fwmarks[slot] = this.active[slot]! < 0 ? NONE : this.active[slot]!;
      slots.weights[slot] = this.weightOf(slot);
    }
    return slots;
  }

  #checkSlot(slot: number): void {
    checkRange('index', slot, 0, this.N - 1);
  }

  /**
   * Writes `slots` to the shared memory. Readers that know the extension see the change as a whole (FwmarkLookup). C nfqlb reads lookup and active for
   * each packet, so they are written in an order in which every bucket always has a target: new fwmarks, then the lookup, then the freed slots.
   */
  #publish(slots: Slots, drain: Drain | undefined, deactivated: readonly number[] = []): void {
    const drains = drain !== undefined && drain.seconds > 0;
    if (drains) this.#checkDrain(drain);
    const cut = drains ? [] : this.draining.filter((fwmark) => deactivated.includes(fwmark));
    // An odd generation means that a killed writer left an incomplete change.
    if (!this.#differs(slots) && cut.length === 0 && ((this.generation ?? 0) & 1) === 0) return;
    const { fwmarks, weights } = slots;
    this.#checkWeights(slots);
    const lookup = this.computeLookup(fwmarks, weights);
    const present = drains ? this.#slots() : undefined;
    const presentLookup = present && this.computeLookup(present.fwmarks, present.weights);
    if (!lookup || (present && !presentLookup)) throw new CoreError('not-a-table', 'not a target table: invalid permutation rows');

    const extension = this.#extension;
    if (extension) Atomics.or(extension, EXT_GENERATION, 1);
    if (this.formerTargets) {
      const active = new Set(fwmarks.filter((fwmark) => fwmark >= 0));
      const left = this.fwmarks.filter((fwmark) => !active.has(fwmark));
      if (drains) this.formerTargets.change(fwmarkByBucket(presentLookup!, present!), fwmarkByBucket(lookup, slots), this.fwmarks, drain);
      this.formerTargets.leave(active, drains ? left : [], cut);
    }
    for (let slot = 0; slot < this.N; slot++) {
      const fwmark = fwmarks[slot]!;
      if (fwmark < 0) continue;
      if (this.permutation === 'fwmark' && this.active[slot] !== fwmark) this.#fillFwmarkRow(slot, fwmark);
      if (this.#weight) {
        this.#weight[slot] = weights[slot]!;
        this.#weighed![slot] = fwmark;
      }
      Atomics.store(this.active, slot, fwmark);
    }
    for (let bucket = 0; bucket < this.M; bucket++) {
      if (this.lookup[bucket] !== lookup[bucket]) Atomics.store(this.lookup, bucket, lookup[bucket]!);
    }
    for (let slot = 0; slot < this.N; slot++) if (fwmarks[slot]! < 0) Atomics.store(this.active, slot, NONE);
    if (extension) Atomics.add(extension, EXT_GENERATION, 1);
  }

  #checkDrain({ seconds }: Drain): void {
    checkRange('drain', seconds, 0, MAX_DRAIN_S);
    if (!this.formerTargets) throw withoutTransitions();
  }

  #differs(slots: Slots): boolean {
    for (let slot = 0; slot < this.N; slot++) {
      if (Math.max(this.active[slot]!, NONE) !== slots.fwmarks[slot] || this.weightOf(slot) !== slots.weights[slot]) return true;
    }
    return false;
  }

  #checkWeights({ fwmarks, weights }: Slots): void {
    if (this.permutation === 'fwmark') return;
    const used = weights.filter((_, slot) => fwmarks[slot]! >= 0);
    if (this.#weight ? used.some((weight) => weight !== used[0]) : used.some((weight) => weight !== 1)) {
      throw new CoreError('conflict', 'unequal weights need a table of permutation kind fwmark; this one is of kind nfqlb');
    }
  }

  /** Updates a row that C nfqlb would use if it changed this table, so that its result is as close to ours as possible. */
  #fillFwmarkRow(slot: number, fwmark: number): void {
    const permutations = new Permutations(this.M, this.N);
    permutations.setFwmark(slot, fwmark);
    permutations.fillRow(slot, rowOf(this.#memory, this.M, slot));
  }
}

/** New contents of the slots, collected before they are published. */
class Slots {
  readonly fwmarks: number[];
  readonly weights: number[];

  constructor(N: number) {
    this.fwmarks = new Array<number>(N).fill(NONE);
    this.weights = new Array<number>(N).fill(0);
  }

  put(slot: number, { fwmark, weight = 1 }: Target): void {
    this.fwmarks[slot] = fwmark;
    this.weights[slot] = weight;
  }

  free(slot: number): void {
    this.fwmarks[slot] = NONE;
    this.weights[slot] = 0;
  }
}

function fwmarkByBucket(lookup: Int32Array, { fwmarks }: Slots): Int32Array {
  return lookup.map((slot) => (slot < 0 ? NONE : fwmarks[slot]!));
}

function withoutTransitions(): CoreError {
  const why = 'it was created by C nfqlb or an older version, and has no room for former targets';
  return new CoreError('conflict', `connections cannot be drained in this table: ${why}; delete it and create it again`);
}

function rowOf(memory: ArrayBufferLike, M: number, slot: number): Uint32Array {
  return new Uint32Array(memory, HEADER + 4 * M * (1 + slot), M);
}

function readHeader(memory: ArrayBufferLike): [own: number, M: number, N: number, length: number] {
  if (memory.byteLength < HEADER) {
    throw new CoreError('not-a-table', `not a target table: it begins with ${HEADER} octets, ${memory.byteLength} are there`);
  }
  const words = new Uint32Array(memory, 0, HEADER / 4);
  const M = words[BUCKETS]!;
  const N = words[SLOTS]!;
  if (M < MIN_BUCKETS || M > MAX_BUCKETS || N < 1 || N > M || primeBelow(M) !== M) {
    throw new CoreError('not-a-table', `not a target table: M=${M}, N=${N}`);
  }
  return [words[OWN_FWMARK]! | 0, M, N, words[LENGTH]!];
}

function checkOptions({
  M: requested,
  N,
  ownFwmark = 0,
  permutation = 'fwmark',
  drain = 0,
  hashKey,
}: TableOptions): Required<TableOptions> {
  checkRange('M', requested, 0, 0xffffffff);
  const M = requested < MIN_BUCKETS ? MIN_BUCKETS : primeBelow(Math.min(requested, MAX_BUCKETS));
  // For the error message: a user who asked for 10 buckets does not know that there are 7.
  const since = M === requested ? `M=${M}` : `M=${requested} is adjusted to ${M}`;
  checkRange('N', N, 1, M, `, since ${since}`);
  checkRange('ownFwmark', ownFwmark, 0, MAX_FWMARK);
  checkRange('drain', drain, 0, MAX_DRAIN_S);
  if (permutation === 'nfqlb') checkNfqlbBuckets(M);
  // `len` is a u32.
  if (layoutOf(M, N).length > 0xffffffff) throw new CoreError('out-of-range', `M=${M}, N=${N}: a table takes at most 4 GiB`);
  return { M, N, ownFwmark, permutation, drain, hashKey };
}

function checkNfqlbBuckets(M: number): void {
  if (M > NFQLB_MAX_BUCKETS) {
    throw new CoreError('conflict', `M=${M}: permutation kind nfqlb goes up to M=${NFQLB_MAX_BUCKETS}, as C nfqlb's arithmetic does`);
  }
}

function checkTarget({ fwmark, weight = 1 }: Target): void {
  checkRange('fwmark', fwmark, 0, MAX_FWMARK);
  checkRange('weight', weight, 0, MAX_WEIGHT);
}

function checkRange(what: string, value: number, min: number, max: number, why = ''): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new CoreError('out-of-range', `${what} ${value}: must be a whole number from ${min} to ${max}${why}`);
  }
}

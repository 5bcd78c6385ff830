// A second reading of data-plane §5 for tests alone: objects and lists, one thread, no memory of its own. It shares with the table that
// is tested only the hash, since collisions in a bucket follow from that.

import type { FragmentHashKey } from '../fragments/fragment-table.js';
import type { PacketKey } from '../key/packet-key.js';

/** Key of the hash in tests. */
export const HASH_KEY: FragmentHashKey = [0x03020100, 0x07060504];

interface Datagram {
  readonly name: string;
  state: 'storing' | 'valid' | 'poisoned';
  lastUse: number;
  fwmark: number;
  stored: Uint8Array[];
  /** Octets that have come, and the length once it is known; absent when nobody follows them. */
  come?: { readonly octets: Set<number>; length: number | undefined };
  /** Whether it took an extra entry. */
  readonly extra: boolean;
}

export interface NaiveFragmentOptions {
  readonly size: number;
  readonly buckets: number;
  readonly fragments: number;
  readonly mtu: number;
  readonly ttl: number;
  /** Whether completed datagrams are forgotten at once; holes are never short here. */
  readonly reassembler: boolean;
}

export type NaiveAnswer = number | 'stored' | 'no-room' | 'lost' | 'too-long';

export class NaiveFragmentTable {
  now = 0;
  /** What was sent on, in order. */
  readonly sent: Uint8Array[] = [];
  discarded = 0;
  reassembled = 0;
  collected = 0;

  readonly #options: NaiveFragmentOptions;
  readonly #buckets = new Map<number, Datagram[]>();

  constructor(options: NaiveFragmentOptions) {
    this.#options = options;
  }

  first(key: PacketKey, fwmark: number): NaiveAnswer {
    const found = this.#find(key);
    const datagram = found ?? this.#insert(key);
    if (!datagram) return 'no-room';
    if (datagram.state !== 'storing') return 'lost';
    if (fwmark < 0) {
      this.#poison(datagram);
      return fwmark;
    }
    datagram.state = 'valid';
    datagram.fwmark = fwmark;
    this.sent.push(...datagram.stored);
    datagram.stored = [];
    if (!found && this.#options.reassembler) {
      datagram.come = { octets: new Set(), length: undefined };
      this.#follow(datagram, key);
    }
    return fwmark;
  }

  later(key: PacketKey, packet: Uint8Array): NaiveAnswer {
    const datagram = this.#find(key) ?? this.#insert(key);
    if (!datagram) return 'no-room';
    if (datagram.state === 'poisoned') return 'lost';
    if (datagram.state === 'valid') {
      if (datagram.come && this.#follow(datagram, key)) {
        this.#forget(key, datagram);
        this.reassembled++;
      }
      return datagram.fwmark;
    }
    if (this.stored >= this.#options.fragments) this.collect();
    if (packet.length > this.#options.mtu || this.stored >= this.#options.fragments) {
      this.#poison(datagram);
      return packet.length > this.#options.mtu ? 'too-long' : 'no-room';
    }
    datagram.stored.push(packet);
    return 'stored';
  }

  get datagrams(): readonly Datagram[] {
    return [...this.#buckets.values()].flat();
  }

  get stored(): number {
    return this.datagrams.reduce((sum, { stored }) => sum + stored.length, 0);
  }

  collect(): void {
    for (const bucket of this.#buckets.keys()) this.#expire(bucket);
  }

  #bucketOf(key: PacketKey): number {
    return (key.hashFragment(...HASH_KEY) >>> 0) % this.#options.size;
  }

  #find(key: PacketKey): Datagram | undefined {
    const bucket = this.#bucketOf(key);
    this.#expire(bucket);
    const found = this.#buckets.get(bucket)?.find(({ name }) => name === nameOf(key));
    if (found) found.lastUse = this.now;
    return found;
  }

  #expire(bucket: number): void {
    const datagrams = this.#buckets.get(bucket) ?? [];
    const live = datagrams.filter(({ lastUse }) => this.now - lastUse <= this.#options.ttl);
    for (const dead of datagrams.filter((datagram) => !live.includes(datagram))) {
      this.discarded += dead.stored.length;
      this.collected++;
    }
    this.#buckets.set(bucket, live);
  }

  #insert(key: PacketKey): Datagram | undefined {
    const bucket = this.#bucketOf(key);
    const extra = this.#buckets.get(bucket)!.some((other) => !other.extra);
    const exhausted = (): boolean => this.datagrams.filter((other) => other.extra).length >= this.#options.buckets;
    if (extra && exhausted()) this.collect();
    if (extra && exhausted()) return undefined;
    const datagram: Datagram = { name: nameOf(key), state: 'storing', lastUse: this.now, fwmark: -1, stored: [], extra };
    this.#buckets.get(bucket)!.push(datagram);
    return datagram;
  }

  #forget(key: PacketKey, datagram: Datagram): void {
    const bucket = this.#bucketOf(key);
    this.#buckets.set(
      bucket,
      this.#buckets.get(bucket)!.filter((other) => other !== datagram),
    );
  }

  #poison(datagram: Datagram): void {
    datagram.state = 'poisoned';
    this.discarded += datagram.stored.length;
    datagram.stored = [];
  }

  /** @returns whether all octets have come */
  #follow({ come }: Datagram, key: PacketKey): boolean {
    for (let octet = key.fragmentBegin; octet < key.fragmentEnd; octet++) come!.octets.add(octet);
    if (!key.moreFragments && key.fragmentEnd > key.fragmentBegin) come!.length = key.fragmentEnd;
    if (come!.length === undefined) return false;
    for (let octet = 0; octet < come!.length; octet++) if (!come!.octets.has(octet)) return false;
    return true;
  }
}

/** RFC 791 §2.3: addresses, protocol and identification. RFC 8200 §4.5: addresses and identification. */
function nameOf(key: PacketKey): string {
  return [...key.source, ...key.destination, key.fragmentProtocol, key.fragmentId].join('.');
}

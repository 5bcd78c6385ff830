// A second implementation of data-plane §5, only for tests: objects and lists, one thread, no shared memory. It shares only the hash with the
// table under test, because collisions depend on it.

import type { HashKey } from '../hash/half-siphash.js';
import type { PacketKey } from '../key/packet-key.js';

/** Hash key in tests. */
export const HASH_KEY: HashKey = [0x03020100, 0x07060504];

interface Datagram {
  readonly name: string;
  state: 'storing' | 'valid' | 'poisoned';
  lastUse: number;
  fwmark: number;
  /** Of the first fragment. */
  ports: string;
  stored: Uint8Array[];
  /** Octets that have arrived, and the length once it is known; absent if they are not tracked. */
  arrived?: { readonly octets: Set<number>; length: number | undefined };
  /** Whether it uses an extra entry. */
  readonly extra: boolean;
}

export interface NaiveFragmentOptions {
  readonly size: number;
  readonly buckets: number;
  readonly fragments: number;
  readonly mtu: number;
  readonly ttl: number;
  /** Whether complete datagrams are removed at once; there are always enough holes here. */
  readonly reassembler: boolean;
}

export type NaiveAnswer = number | 'stored' | 'no-room' | 'lost' | 'too-long';

export class NaiveFragmentTable {
  now = 0;
  /** Reinjected fragments, in order. */
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
    const ports = `${key.sourcePort} ${key.destinationPort} ${key.echoId}`;
    // A duplicate; with other ports, a new datagram with the identification of one that has arrived.
    if (datagram.state === 'poisoned' || (datagram.state === 'valid' && datagram.ports === ports)) return 'lost';
    const isNew = !found || datagram.state === 'valid';
    if (fwmark < 0) {
      this.#poison(datagram);
      return fwmark;
    }
    datagram.state = 'valid';
    datagram.fwmark = fwmark;
    datagram.ports = ports;
    this.sent.push(...datagram.stored);
    datagram.stored = [];
    if (isNew && this.#options.reassembler) {
      datagram.arrived = { octets: new Set(), length: undefined };
      this.#track(datagram, key);
    }
    return fwmark;
  }

  later(key: PacketKey, packet: Uint8Array): NaiveAnswer {
    const datagram = this.#find(key) ?? this.#insert(key);
    if (!datagram) return 'no-room';
    if (datagram.state === 'poisoned') return 'lost';
    if (datagram.state === 'valid') {
      if (datagram.arrived && this.#track(datagram, key)) {
        this.#remove(key, datagram);
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
    const datagram: Datagram = { name: nameOf(key), state: 'storing', lastUse: this.now, fwmark: -1, ports: '', stored: [], extra };
    this.#buckets.get(bucket)!.push(datagram);
    return datagram;
  }

  #remove(key: PacketKey, datagram: Datagram): void {
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

  /** @returns whether all octets have arrived */
  #track({ arrived }: Datagram, key: PacketKey): boolean {
    for (let octet = key.fragmentBegin; octet < key.fragmentEnd; octet++) arrived!.octets.add(octet);
    if (!key.moreFragments && key.fragmentEnd > key.fragmentBegin) arrived!.length = key.fragmentEnd;
    if (arrived!.length === undefined) return false;
    for (let octet = 0; octet < arrived!.length; octet++) if (!arrived!.octets.has(octet)) return false;
    return true;
  }
}

/** RFC 791 §2.3: addresses, protocol and identification. RFC 8200 §4.5: addresses and identification. */
function nameOf(key: PacketKey): string {
  return [...key.source, ...key.destination, key.fragmentProtocol, key.fragmentId].join('.');
}

import { Balancer, FwmarkLookup, Kind, TargetTable } from '@nfqlb/core';
import type { Disorder } from './disordered-stream.js';

/** The fragments of one datagram that have not been reordered yet. */
interface Train {
  readonly name: string;
  readonly places: number[];
}

/**
 * Reverses the fragments of each datagram among the places they occupy; all other packets stay where they are. A datagram longer than the
 * window is reversed part by part.
 */
export class ReversedTrains implements Disorder {
  /** By datagram, and by place, starting with the next one to settle. */
  readonly #trains = new Map<string, Train>();
  readonly #trainAt = new Map<number, Train>();
  readonly #reader = packetReader();

  arrive(place: number, bytes: Uint8Array, at: number, length: number, etherType: number): void {
    const reader = this.#reader;
    reader.decide(bytes, at, length, etherType);
    if (reader.kind !== Kind.Fragment && reader.kind !== Kind.FirstFragment) return;
    const { source, destination, fragmentProtocol, fragmentId } = reader.key;
    this.#note([...source, ...destination, fragmentProtocol, fragmentId].join(), place);
  }

  settle(place: number, end: number, swap: (a: number, b: number) => void): void {
    const train = this.#trainAt.get(place);
    if (!train) return;
    this.#trains.delete(train.name);
    for (const member of train.places) this.#trainAt.delete(member);
    const within = train.places.filter((member) => member < end);
    for (let i = 0, j = within.length - 1; i < j; i++, j--) swap(within[i]!, within[j]!);
    for (const member of train.places.slice(within.length)) this.#note(train.name, member);
  }

  #note(name: string, place: number): void {
    const train = this.#trains.get(name) ?? { name, places: [] };
    train.places.push(place);
    this.#trains.set(name, train);
    this.#trainAt.set(place, train);
  }
}

/** Detects fragments: a balancer of which only `kind` and `key` are used. */
function packetReader(): Balancer {
  const options = { M: 3, N: 1 };
  return new Balancer(new FwmarkLookup(TargetTable.create(new ArrayBuffer(TargetTable.byteLength(options)), options)));
}

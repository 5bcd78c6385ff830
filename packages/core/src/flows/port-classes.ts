// Ports that no flow tells apart are one class. Classes are numbered in the order of their ports, so that a range of ports
// is a range of classes; a range that no other cuts is one class, however many ports it has.
//
// Such a range is filed under blocks: 2^size classes from a multiple of 2^size on. It takes few, and a port is in one block of
// each size. (The same as a segment tree over the classes.)

import type { PortRange } from './port-range.js';

const PORTS = 0x10000;
const PAGE = 0x100;

/** Sizes of blocks: 2⁰ to 2¹⁶ classes. */
export const BLOCK_SIZES = 17;

/** A block as one number. */
export function blockOf(portClass: number, size: number): number {
  return ((portClass >> size) << 5) | size;
}

/** The classes of some ranges of ports. */
export class PortClasses {
  /** By port. */
  readonly #classes = new Uint16Array(PORTS);

  constructor(ranges: Iterable<PortRange>) {
    const begins = new Uint8Array(PORTS + 1);
    for (const { first, last } of ranges) {
      begins[first] = 1;
      begins[last + 1] = 1;
    }
    let portClass = 0;
    for (let port = 1; port < PORTS; port++) {
      portClass += begins[port]!;
      this.#classes[port] = portClass;
    }
  }

  /** Classes, numbered from 0. */
  get count(): number {
    return this.of(PORTS - 1) + 1;
  }

  of(port: number): number {
    return this.#classes[port]!;
  }

  /** The blocks that make up a range, none of which has a port in common with another. */
  blocksOf({ first, last }: PortRange): number[] {
    const blocks: number[] = [];
    const end = this.of(last) + 1;
    for (let at = this.of(first); at < end; ) {
      // The greatest that begins here and does not reach beyond the end.
      let size = at === 0 ? BLOCK_SIZES - 1 : 31 - Math.clz32(at & -at);
      while (at + 2 ** size > end) size--;
      blocks.push(blockOf(at, size));
      at += 2 ** size;
    }
    return blocks;
  }

  /**
   * The section of a compiled flow set that {@link classOf} reads: by the upper octet of a port the page, by its lower octet the
   * class; the first page is this index. Equal pages are one: flows that name a few ports take a few.
   */
  build(): Int32Array {
    const pages: Uint16Array[] = [];
    const index: number[] = [];
    for (let port = 0; port < PORTS; port += PAGE) {
      const page = this.#classes.subarray(port, port + PAGE);
      // Classes ascend: pages are equal if they are all of one class, and then they follow one another.
      const before = pages.at(-1);
      if (before === undefined || page[PAGE - 1] !== before[0]) pages.push(page);
      index.push(pages.length);
    }
    const section = new Uint16Array(PAGE * (1 + pages.length));
    section.set(index);
    pages.forEach((page, i) => {
      section.set(page, PAGE * (i + 1));
    });
    return new Int32Array(section.buffer);
  }
}

/** @param section what {@link PortClasses.build} gave, in units of 16 bits */
export function classOf(section: Uint16Array, port: number): number {
  return section[(section[port >> 8]! << 8) | (port & 0xff)]!;
}

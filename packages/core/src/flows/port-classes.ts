// Ports that no flow distinguishes form a class. Classes are numbered in port order, so a range of ports is a range of classes, and a
// range that no other range cuts is a single class, however many ports it has.
//
// A range is filed under blocks of 2^size classes, aligned to 2^size, as in a segment tree. Few blocks make up a range, and a port is in
// one block of each size.

import type { PortRange } from './port-range.js';

const PORTS = 0x10000;
const PAGE = 0x100;

/** Number of block sizes: 2⁰ to 2¹⁶ classes. */
export const BLOCK_SIZES = 17;

/** A block as one number: its index, and its size in the low five bits. */
export function blockOf(portClass: number, size: number): number {
  return ((portClass >> size) << 5) | size;
}

/** The port classes of a set of ranges. */
export class PortClasses {
  /** The class of each port. */
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

  /** Number of classes. */
  get count(): number {
    return this.of(PORTS - 1) + 1;
  }

  of(port: number): number {
    return this.#classes[port]!;
  }

  /** The disjoint blocks that make up a range. */
  blocksOf({ first, last }: PortRange): number[] {
    const blocks: number[] = [];
    const end = this.of(last) + 1;
    for (let at = this.of(first); at < end; ) {
      // The largest aligned block that begins here and ends within the range.
      let size = at === 0 ? BLOCK_SIZES - 1 : 31 - Math.clz32(at & -at);
      while (at + 2 ** size > end) size--;
      blocks.push(blockOf(at, size));
      at += 2 ** size;
    }
    return blocks;
  }

  /**
   * The section of a compiled flow set that {@link classOf} reads, a two-level table: the first page maps a port's upper octet to a page,
   * which maps the lower octet to a class. Equal pages are stored once, so flows with few ports need few pages.
   */
  build(): Int32Array {
    const pages: Uint16Array[] = [];
    const index: number[] = [];
    for (let port = 0; port < PORTS; port += PAGE) {
      const page = this.#classes.subarray(port, port + PAGE);
      // Classes ascend, so equal pages hold a single class and are adjacent.
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

/** @param section built by {@link PortClasses.build}, as 16-bit units */
export function classOf(section: Uint16Array, port: number): number {
  return section[(section[port >> 8]! << 8) | (port & 0xff)]!;
}

/** Something whose size may matter to what deciding a packet costs. */
export interface Axis {
  /** As the report knows it: packages/e2e/src/bench/report/growth-section.ts. */
  readonly name: string;
  /** Smallest first. Made only when they are measured: some take much memory. */
  readonly sizes: () => readonly Size[];
}

export interface Size {
  readonly at: number;
  /** Memory of what a packet is looked up in. */
  readonly octets: number;
  /** Nanoseconds per packet, now. */
  readonly measure: () => number | Promise<number>;
}

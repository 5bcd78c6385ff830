/** A way to give every bucket of a lookup table to a target. */
export interface Method {
  readonly name: string;
  /**
   * @param buckets length of the table, a prime
   * @param targets fwmarks, all different. A method may depend on their order, as modulo does
   * @returns for each bucket the index of its target in `targets`
   */
  readonly populate: (buckets: number, targets: Uint32Array) => Int32Array;
}

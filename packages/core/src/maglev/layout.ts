// A target table in memory, shared between processes. Little-endian, natural alignment. The first part is the same as in C nfqlb:
//
//   0 | i32 ownFwmark | u32 M | u32 N | u32 len |
//  16 | i32 lookup[M]                           |  slot of each bucket, −1 for none
//     | u32 permutation[N][M]                   |  each slot's buckets, in order of preference
//     | i32 active[N]                           |  fwmark in each slot, −1 for none
//     | 12 octets, unused                       |  len is the length from the field M to here
//
// The next multiple of 64 is the start of an extension that C nfqlb ignores:
//
//   0 | u32 magic | u32 version | u32 kind | i32 generation |
//  16 | u32 drain | 4 octets unused | f64 latest  |  s: default of changes; ms: when the last transition ends or ended, 0 if there was none
//  32 | u32 hash | u32 key[2]                   |  1: HalfSipHash with this key; 0: djb2, and no key
//  44 | 212 octets reserved, zero               |
// 256 | i32 weighed[N]                          |  the fwmark that weight[i] is for
//     | u32 weight[N]                           |
//
// Since version 2, the next multiple of 8 is the start of the transitions (former-targets.ts):
//
//     | f64 deadline[M]                         |  ms, as `Drain.now`: until then the bucket's old connections go to former[i]
//     | i32 former[M]                           |  fwmark that the bucket had before, −1 for none
//     | i32 draining[N]                         |  inactive fwmarks that old connections may still use, in the order they left; −1 for none
//
// A table with a keyed hash has version 3, so that programs that would hash with djb2 refuse it. Otherwise versions 2 and 3 are the same.
//
// A weight is valid only while its slot still has that fwmark; otherwise it is 1. So if C nfqlb refills a slot, the new target does not inherit
// the weight of the old one.

export const MAGIC = 0x316c716e; // "nql1"
export const VERSION = 2;
/** May have a keyed hash. */
export const VERSION_3 = 3;
/** Has no transitions. */
export const VERSION_1 = 1;

/** Permutation kinds by their number in the extension. */
export const KINDS = ['fwmark', 'nfqlb'] as const;

// 32-bit words of the header.
export const OWN_FWMARK = 0;
export const BUCKETS = 1;
export const SLOTS = 2;
export const LENGTH = 3;
/** Octets of the header. */
export const HEADER = 16;

// 32-bit words of the extension.
export const EXT_MAGIC = 0;
export const EXT_VERSION = 1;
export const EXT_KIND = 2;
export const EXT_GENERATION = 3;
export const EXT_DRAIN = 4;
export const EXT_HASH = 8;
/** Two words. */
export const EXT_KEY = 9;
/** As a 64-bit word of the extension. */
export const EXT_LATEST = 3;
/** Values of {@link EXT_HASH}. */
export const DJB2 = 0;
export const HALF_SIPHASH = 1;
/** Octets of the extension before its arrays. */
export const EXT_HEADER = 256;

/** Offsets of the parts of a table with M buckets and N slots, and its sizes, in octets. */
export interface Layout {
  readonly lookup: number;
  readonly permutation: number;
  readonly active: number;
  /** Value of the field `len`. */
  readonly length: number;
  /** Length of the part that C nfqlb knows. */
  readonly cSize: number;
  readonly extension: number;
  readonly weighed: number;
  readonly weight: number;
  /** Length of a table of version 1. */
  readonly size1: number;
  readonly deadline: number;
  readonly former: number;
  readonly draining: number;
  /** Total length. */
  readonly size: number;
}

export function layoutOf(M: number, N: number): Layout {
  const lookup = HEADER;
  const permutation = lookup + 4 * M;
  const active = permutation + 4 * M * N;
  const length = 12 + 4 * (3 + M * N) + 4 * (M + N);
  const cSize = 4 + length;
  const extension = Math.ceil(cSize / 64) * 64;
  const weighed = extension + EXT_HEADER;
  const weight = weighed + 4 * N;
  const size1 = weight + 4 * N;
  const deadline = Math.ceil(size1 / 8) * 8;
  const former = deadline + 8 * M;
  const draining = former + 4 * M;
  return {
    lookup,
    permutation,
    active,
    length,
    cSize,
    extension,
    weighed,
    weight,
    size1,
    deadline,
    former,
    draining,
    size: draining + 4 * N,
  };
}

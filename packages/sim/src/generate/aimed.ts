// SYNs that djb2 cannot tell apart. It weighs each octet 33 times as much as the one after it, so an octet that is 1 more and the next that is 33 less
// cancel out. Whoever sends these needs to know nothing of the tables.

/** What 33² · b + 33 · c + d of an address and 33 · high + low of a port always are. */
const ADDRESS = 33 ** 2 * 32 + 33 * 128 + 128;
const PORT = 33 * 132 + 144;

/** Last three octets of a source address, as a number, and the source port. About 400 pairs. */
export function aimedSource(random: () => number): { readonly n: number; readonly port: number } {
  const b = 29 + (random() % 7);
  return { n: (b << 16) | twoOctets(ADDRESS - 33 ** 2 * b, random), port: twoOctets(PORT, random) };
}

/** Two octets, the first times 33 plus the second being `sum`. */
function twoOctets(sum: number, random: () => number): number {
  const least = Math.max(0, Math.ceil((sum - 255) / 33));
  const most = Math.min(255, Math.floor(sum / 33));
  const first = least + (random() % (most - least + 1));
  return (first << 8) | (sum - 33 * first);
}

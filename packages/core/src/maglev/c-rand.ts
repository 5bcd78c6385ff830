// The `rand()` of the GNU C library with its default seed, which C nfqlb uses for its permutations.
//
// It is an additive feedback generator (`TYPE_3` of random(3)): each state word is the sum, mod 2³², of those 3 and 31 words before it; its upper
// 31 bits are the output. The first 34 words come from a linear congruential generator (multiplier 16807, modulus 2³¹−1); 310 outputs are
// discarded.

const DEGREE = 31;
const SEPARATION = 3;
const DISCARDED = 10 * DEGREE;

/** @returns a generator of the numbers that `rand()` returns in a process without `srand()` */
export function cRand(): () => number {
  const state = new Int32Array(DEGREE);
  state[0] = 1;
  for (let i = 1; i < DEGREE; i++) {
    // 16807 · 2³¹ is below 2⁵³: exact as a double.
    state[i] = (16807 * state[i - 1]!) % 2147483647;
  }
  let front = SEPARATION;
  let rear = 0;
  const next = (): number => {
    state[front] = (state[front]! + state[rear]!) | 0;
    const result = state[front]! >>> 1;
    front = (front + 1) % DEGREE;
    rear = (rear + 1) % DEGREE;
    return result;
  };
  for (let i = 0; i < DISCARDED; i++) next();
  return next;
}

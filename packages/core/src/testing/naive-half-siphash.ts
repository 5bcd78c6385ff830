// HalfSipHash-1-3 with 32 bits of output, as its authors describe SipHash: octets, rounds by name, no tricks. Only for tests.

class State {
  readonly v: [number, number, number, number];

  constructor(...v: [number, number, number, number]) {
    this.v = v;
  }

  round(): void {
    const { v } = this;
    v[0] += v[1];
    v[1] = rotate(v[1], 5) ^ v[0];
    v[0] = rotate(v[0], 16);
    v[2] += v[3];
    v[3] = rotate(v[3], 8) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 7) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 13) ^ v[2];
    v[2] = rotate(v[2], 16);
  }
}

const rotate = (value: number, bits: number): number => (value << bits) | (value >>> (32 - bits));

/** @returns 32 bits, unsigned */
export function naiveHalfSipHash(message: readonly number[], k0: number, k1: number): number {
  const state = new State(k0, k1, k0 ^ 0x6c796765, k1 ^ 0x74656462);
  const padded = [...message];
  while (padded.length % 4 !== 3) padded.push(0);
  padded.push(message.length & 0xff);
  for (let i = 0; i < padded.length; i += 4) {
    const m = padded[i]! | (padded[i + 1]! << 8) | (padded[i + 2]! << 16) | (padded[i + 3]! << 24);
    state.v[3] ^= m;
    state.round();
    state.v[0] ^= m;
  }
  state.v[2] ^= 0xff;
  for (let i = 0; i < 3; i++) state.round();
  return (state.v[1] ^ state.v[3]) >>> 0;
}

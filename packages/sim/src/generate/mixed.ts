import { RANDOM_RANGE } from '../mulberry32.js';
import type { Mix } from './traffic-options.js';

/** A name of the mix, at random. */
export function chooseFrom<Name extends string>(mix: Mix<Name>, random: () => number): Name {
  let total = 0;
  for (const part of mix.values()) total += part;
  let place = (random() / RANDOM_RANGE) * total;
  for (const [name, part] of mix) {
    place -= part;
    if (place < 0) return name;
  }
  return [...mix.keys()].at(-1)!;
}
